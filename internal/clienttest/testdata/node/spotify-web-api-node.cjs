// Signs in with spotify-web-api-node and walks all lists; see ../../clients_test.go.
const SpotifyWebApi = require("spotify-web-api-node");
const { agree, allItems, byCursor, byOffset, ids, walkAll } = require("./walk.cjs");

const task = JSON.parse(process.argv[2]);

// The client has no setting for its hosts: its two request builders are told.
for (const [file, address] of Object.entries({ "webapi-request": task.api, "authentication-request": task.accounts })) {
  const module = require(`spotify-web-api-node/src/${file}`);
  const original = module.builder;
  const { protocol, hostname, port } = new URL(address);
  module.builder = (...args) => original(...args).withScheme(protocol.slice(0, -1)).withHost(hostname).withPort(Number(port));
}

const app = () => new SpotifyWebApi({ clientId: task.client_id, clientSecret: task.client_secret, redirectUri: task.redirect_uri });
const me = async (client) => [(await client.getMe()).body.id];

async function main() {
  const api = app();
  const code = (await agree(api.createAuthorizeURL(task.scopes.split(" "), "state"))).get("code");
  const granted = (await api.authorizationCodeGrant(code)).body;
  api.setAccessToken(granted.access_token);
  api.setRefreshToken(granted.refresh_token);
  const own = app();
  own.setAccessToken((await own.clientCredentialsGrant()).body.access_token);

  const pages = (limit, read) => byOffset(limit, async (limit, offset) => (await read({ limit, offset })).body);
  await walkAll({
    "signed in with a code": () => me(api),
    "signed in as an app": async () => [(await own.getArtist(task.artist)).body.id],
    "renewed": async () => {
      api.setAccessToken((await api.refreshAccessToken()).body.access_token);
      return me(api);
    },
    "me": () => me(api),
    "saved tracks": async () => ids((await pages(50, (o) => api.getMySavedTracks(o))).map((item) => item.track)),
    "top tracks": async () => ids(await pages(50, (o) => api.getMyTopTracks({ ...o, time_range: "long_term" }))),
    "top artists": async () => ids(await pages(20, (o) => api.getMyTopArtists({ ...o, time_range: "long_term" }))),
    "artist albums": async () => ids(await pages(10, (o) => api.getArtistAlbums(task.artist, o))),
    "followed artists": async () => ids(await byCursor(
      async (after) => (await api.getFollowedArtists(after ? { limit: 5, after } : { limit: 5 })).body.artists, (page) => page.cursors.after)),
    "playlists": async () => ids(await pages(5, (o) => api.getUserPlaylists(o))),
    "playlist tracks": () => allItems(task.playlists, (id) => pages(100, (o) => api.getPlaylistTracks(id, o))),
    "recently played": async () => ids((await byCursor(
      async (before) => (await api.getMyRecentlyPlayedTracks(before ? { limit: 20, before } : { limit: 20 })).body,
      (page) => page.cursors.before)).map((item) => item.track)),
    "album tracks": async () => ids(await pages(5, (o) => api.getAlbumTracks(task.album, o))),
    "one artist": async () => [(await api.getArtist(task.artist)).body.id],
    "one album": async () => [(await api.getAlbum(task.album)).body.id],
    "one track": async () => [(await api.getTrack(task.track)).body.id],
    "several artists": async () => ids((await api.getArtists([task.artist])).body.artists),
    "several albums": async () => ids((await api.getAlbums([task.album])).body.albums),
    "several tracks": async () => ids((await api.getTracks([task.track])).body.tracks),
    "artist top tracks": async () => ids((await api.getArtistTopTracks(task.artist, "SE")).body.tracks),
    "user": async () => [(await api.getUser(task.user)).body.id],
    "user playlists": async () => ids(await pages(5, (o) => api.getUserPlaylists(task.user, o))),
  }, (error) => error.statusCode && `${error.statusCode} ${error.message}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
