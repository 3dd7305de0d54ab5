package main

import (
	"context"
	"errors"
	"iter"

	"github.com/zmb3/spotify/v2"
)

// ids are those of a list, in its order, or why it cannot be read.
type ids = iter.Seq2[string, error]

// lists are all that are walked, by name.
func (t task) lists(ctx context.Context, c *spotify.Client) map[string]ids {
	long := spotify.Timerange(spotify.LongTermRange)
	pages := func(n int) spotify.RequestOption { return spotify.Limit(n) }
	return map[string]ids{
		"me": me(ctx, c),
		"saved tracks": walk(ctx, c, func() (*spotify.SavedTrackPage, error) { return c.CurrentUsersTracks(ctx, pages(50)) },
			func(p *spotify.SavedTrackPage) []string {
				return of(p.Tracks, func(t spotify.SavedTrack) spotify.ID { return t.ID })
			}),
		"top tracks": walk(ctx, c, func() (*spotify.FullTrackPage, error) { return c.CurrentUsersTopTracks(ctx, pages(50), long) },
			func(p *spotify.FullTrackPage) []string { return of(p.Tracks, trackID) }),
		"top artists": walk(ctx, c, func() (*spotify.FullArtistPage, error) { return c.CurrentUsersTopArtists(ctx, pages(20), long) },
			func(p *spotify.FullArtistPage) []string { return of(p.Artists, artistID) }),
		"artist albums": walk(ctx, c, func() (*spotify.SimpleAlbumPage, error) { return c.GetArtistAlbums(ctx, t.Artist, nil, pages(10)) },
			func(p *spotify.SimpleAlbumPage) []string {
				return of(p.Albums, func(a spotify.SimpleAlbum) spotify.ID { return a.ID })
			}),
		"followed artists": followed(ctx, c),
		"playlists": byOffset(func(o ...spotify.RequestOption) (*spotify.SimplePlaylistPage, error) {
			return c.CurrentUsersPlaylists(ctx, o...)
		}),
		"playlists by next": walk(ctx, c, func() (*spotify.SimplePlaylistPage, error) { return c.CurrentUsersPlaylists(ctx, pages(5)) },
			func(p *spotify.SimplePlaylistPage) []string { return of(p.Playlists, playlistID) }),
		"playlist tracks": allItems(ctx, c, t.Playlists),
		"recently played": played(ctx, c),
		"album tracks": walk(ctx, c, func() (*spotify.SimpleTrackPage, error) { return c.GetAlbumTracks(ctx, t.Album, pages(5)) },
			func(p *spotify.SimpleTrackPage) []string {
				return of(p.Tracks, func(t spotify.SimpleTrack) spotify.ID { return t.ID })
			}),
		"one artist": some(func() ([]*spotify.FullArtist, error) { return alone(c.GetArtist(ctx, t.Artist)) }, func(a *spotify.FullArtist) spotify.ID { return a.ID }),
		"one album":  some(func() ([]*spotify.FullAlbum, error) { return alone(c.GetAlbum(ctx, t.Album)) }, func(a *spotify.FullAlbum) spotify.ID { return a.ID }),
		"one track":  some(func() ([]*spotify.FullTrack, error) { return alone(c.GetTrack(ctx, t.Track)) }, func(t *spotify.FullTrack) spotify.ID { return t.ID }),
		"several artists": some(func() ([]*spotify.FullArtist, error) { return c.GetArtists(ctx, t.Artist) },
			func(a *spotify.FullArtist) spotify.ID { return a.ID }),
		"several albums": some(func() ([]*spotify.FullAlbum, error) { return c.GetAlbums(ctx, []spotify.ID{t.Album}) },
			func(a *spotify.FullAlbum) spotify.ID { return a.ID }),
		"several tracks": some(func() ([]*spotify.FullTrack, error) { return c.GetTracks(ctx, []spotify.ID{t.Track}) },
			func(t *spotify.FullTrack) spotify.ID { return t.ID }),
		"artist top tracks": some(func() ([]spotify.FullTrack, error) { return c.GetArtistsTopTracks(ctx, t.Artist, "SE") }, trackID),
		"user":              some(func() ([]*spotify.User, error) { return alone(c.GetUsersPublicProfile(ctx, t.User)) }, func(u *spotify.User) spotify.ID { return spotify.ID(u.ID) }),
		"user playlists": byOffset(func(o ...spotify.RequestOption) (*spotify.SimplePlaylistPage, error) {
			return c.GetPlaylistsForUser(ctx, string(t.User), o...)
		}),
	}
}

func me(ctx context.Context, c *spotify.Client) ids {
	return some(func() ([]*spotify.PrivateUser, error) { return alone(c.CurrentUser(ctx)) }, func(u *spotify.PrivateUser) spotify.ID { return spotify.ID(u.ID) })
}

func trackID(t spotify.FullTrack) spotify.ID           { return t.ID }
func artistID(a spotify.FullArtist) spotify.ID         { return a.ID }
func playlistID(p spotify.SimplePlaylist) spotify.ID   { return p.ID }
func playedID(p spotify.RecentlyPlayedItem) spotify.ID { return p.Track.ID }

func alone[T any](object T, err error) ([]T, error) { return []T{object}, err }

func of[T any, S ~string](items []T, id func(T) S) []string {
	out := make([]string, len(items))
	for i := range items {
		out[i] = string(id(items[i]))
	}
	return out
}

// allItems reads the items of several playlists.
func allItems(ctx context.Context, c *spotify.Client, playlists []spotify.ID) ids {
	return func(yield func(string, error) bool) {
		for _, playlist := range playlists {
			for uri, err := range items(ctx, c, playlist) {
				if !yield(uri, err) {
					return
				}
			}
		}
	}
}

// items reads the URIs of a playlist, empty for what is no longer there.
func items(ctx context.Context, c *spotify.Client, playlist spotify.ID) ids {
	return walk(ctx, c, func() (*spotify.PlaylistItemPage, error) {
		return c.GetPlaylistItems(ctx, playlist, spotify.Limit(100))
	},
		func(p *spotify.PlaylistItemPage) []string {
			return of(p.Items, func(i spotify.PlaylistItem) spotify.URI {
				switch {
				case i.Track.Track != nil:
					return i.Track.Track.URI
				case i.Track.Episode != nil:
					return i.Track.Episode.URI
				}
				return ""
			})
		})
}

// give yields what a page has, or why there is none, and reports whether to go
// on.
func give(yield func(string, error) bool, page []string, err error) bool {
	if err != nil {
		yield("", err)
		return false
	}
	for _, id := range page {
		if !yield(id, nil) {
			return false
		}
	}
	return true
}

// some reads a list that comes at once.
func some[T any](get func() ([]T, error), id func(T) spotify.ID) ids {
	return func(yield func(string, error) bool) {
		items, err := get()
		if err != nil {
			yield("", err)
			return
		}
		give(yield, of(items, id), nil)
	}
}

// walk reads a list by the addresses that its pages name.
func walk[P any](ctx context.Context, c *spotify.Client, first func() (P, error), page func(P) []string) ids {
	return func(yield func(string, error) bool) {
		p, err := first()
		for {
			if err != nil {
				yield("", err)
				return
			}
			if !give(yield, page(p), nil) {
				return
			}
			if err = nextPage(ctx, c, p); errors.Is(err, spotify.ErrNoMorePages) {
				return
			}
		}
	}
}

// nextPage reads the page that follows into p. The client's method takes an
// interface that it does not export.
func nextPage(ctx context.Context, c *spotify.Client, p any) error {
	switch p := p.(type) {
	case *spotify.SavedTrackPage:
		return c.NextPage(ctx, p)
	case *spotify.FullTrackPage:
		return c.NextPage(ctx, p)
	case *spotify.FullArtistPage:
		return c.NextPage(ctx, p)
	case *spotify.SimpleAlbumPage:
		return c.NextPage(ctx, p)
	case *spotify.SimplePlaylistPage:
		return c.NextPage(ctx, p)
	case *spotify.PlaylistItemPage:
		return c.NextPage(ctx, p)
	case *spotify.SimpleTrackPage:
		return c.NextPage(ctx, p)
	}
	return errors.New("this page cannot be followed")
}

// byOffset reads playlists at offsets of its own.
func byOffset(get func(...spotify.RequestOption) (*spotify.SimplePlaylistPage, error)) ids {
	const limit = 5
	return func(yield func(string, error) bool) {
		for offset, total := 0, 1; offset < total; offset += limit {
			p, err := get(spotify.Limit(limit), spotify.Offset(offset))
			if err != nil {
				yield("", err)
				return
			}
			if !give(yield, of(p.Playlists, playlistID), nil) {
				return
			}
			total = int(p.Total)
		}
	}
}

// followed reads the followed artists by cursor.
func followed(ctx context.Context, c *spotify.Client) ids {
	return func(yield func(string, error) bool) {
		options := []spotify.RequestOption{spotify.Limit(5)}
		for {
			p, err := c.CurrentUsersFollowedArtists(ctx, options...)
			if err != nil {
				yield("", err)
				return
			}
			if !give(yield, of(p.Artists, artistID), nil) || p.Cursor.After == "" {
				return
			}
			options = []spotify.RequestOption{spotify.Limit(5), spotify.After(p.Cursor.After)}
		}
	}
}

// played reads the history from the newest play back.
func played(ctx context.Context, c *spotify.Client) ids {
	return func(yield func(string, error) bool) {
		for o := (spotify.RecentlyPlayedOptions{Limit: 20}); ; {
			plays, err := c.PlayerRecentlyPlayedOpt(ctx, &o)
			if err != nil {
				yield("", err)
				return
			}
			if len(plays) == 0 || !give(yield, of(plays, playedID), nil) {
				return
			}
			o.BeforeEpochMs = plays[len(plays)-1].PlayedAt.UnixMilli()
		}
	}
}
