// Signs in with @spotify/web-api-ts-sdk and walks all lists; see ../../clients_test.go.
const { InMemoryCachingStrategy, SpotifyApi } = require("@spotify/web-api-ts-sdk");
const { agree, allItems, byCursor, byOffset, ids, walkAll } = require("./walk.cjs");

const task = JSON.parse(process.argv[2]);

// The SDK has no setting for its hosts: fetch sends what is meant for them on.
const original = globalThis.fetch;
globalThis.fetch = (address, init) => original(
  String(address).replace("https://api.spotify.com/v1", task.api).replace("https://accounts.spotify.com", task.accounts), init);

// signInWithPKCE does what a page does before and after it sends the user away.
async function signInWithPKCE() {
  globalThis.window = { location: { search: "", href: task.redirect_uri }, history: { replaceState() {} } };
  globalThis.document = { title: "" };
  const cachingStrategy = new InMemoryCachingStrategy();
  let arrived;
  const back = new Promise((resolve) => { arrived = resolve; });
  const redirectionStrategy = {
    redirect: async (address) => arrived(await agree(String(address).replace("https://accounts.spotify.com", task.accounts))),
    onReturnFromRedirect: async () => {},
  };
  const load = () => SpotifyApi.withUserAuthorization(task.client_id, task.redirect_uri, task.scopes.split(" "), { cachingStrategy, redirectionStrategy });
  await load().authenticate();
  window.location.search = `?${await back}`;
  const api = load();
  const token = (await api.authenticate()).accessToken;
  delete globalThis.window;
  delete globalThis.document;
  return { api, token };
}

const me = async (api) => [(await api.currentUser.profile()).id];

async function main() {
  const signedIn = await signInWithPKCE();
  const app = SpotifyApi.withClientCredentials(task.client_id, task.client_secret);
  const api = SpotifyApi.withAccessToken(task.client_id, { ...signedIn.token, expires: 1 }); // must be renewed
  await walkAll({
    "signed in with PKCE": () => me(signedIn.api),
    "signed in as an app": async () => [(await app.artists.get(task.artist)).id],
    "renewed": async () => {
      const user = await me(api);
      if ((await api.getAccessToken()).access_token === signedIn.token.access_token) throw new Error("the token is the old one");
      return user;
    },
    "me": () => me(api),
    "saved tracks": async () => ids((await byOffset(50, (limit, offset) => api.currentUser.tracks.savedTracks(limit, offset))).map((item) => item.track)),
    "top tracks": async () => ids(await byOffset(50, (limit, offset) => api.currentUser.topItems("tracks", "long_term", limit, offset))),
    "top artists": async () => ids(await byOffset(20, (limit, offset) => api.currentUser.topItems("artists", "long_term", limit, offset))),
    "artist albums": async () => ids(await byOffset(10, (limit, offset) => api.artists.albums(task.artist, undefined, undefined, limit, offset))),
    "followed artists": async () => ids(await byCursor(
      async (after) => (await api.currentUser.followedArtists(after, 5)).artists, (page) => page.cursors.after)),
    "playlists": async () => ids(await byOffset(5, (limit, offset) => api.currentUser.playlists.playlists(limit, offset))),
    "playlist tracks": () => allItems(task.playlists, (id) => byOffset(50, (limit, offset) => api.playlists.getPlaylistItems(id, undefined, undefined, limit, offset))),
    "recently played": async () => ids((await byCursor(
      (timestamp) => api.player.getRecentlyPlayedTracks(20, timestamp && { type: "before", timestamp }),
      (page) => page.cursors.before)).map((item) => item.track)),
    "album tracks": async () => ids(await byOffset(5, (limit, offset) => api.albums.tracks(task.album, undefined, limit, offset))),
    "one artist": async () => [(await api.artists.get(task.artist)).id],
    "one album": async () => [(await api.albums.get(task.album)).id],
    "one track": async () => [(await api.tracks.get(task.track)).id],
    "several artists": async () => ids(await api.artists.get([task.artist])),
    "several albums": async () => ids(await api.albums.get([task.album])),
    "several tracks": async () => ids(await api.tracks.get([task.track])),
    "artist top tracks": async () => ids((await api.artists.topTracks(task.artist, "SE")).tracks),
    "user": async () => [(await api.users.profile(task.user)).id],
    "user playlists": async () => ids(await byOffset(5, (limit, offset) => api.playlists.getUsersPlaylists(task.user, limit, offset))),
  }, (error) => error.message.startsWith("Bad OAuth request") && error.message);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
