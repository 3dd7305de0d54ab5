"""Signs in with spotipy and walks all lists; see ../../clients_test.go."""
import json
import sys
import urllib.error
import urllib.request

import spotipy
from spotipy.cache_handler import MemoryCacheHandler
from spotipy.oauth2 import SpotifyClientCredentials, SpotifyOAuth, SpotifyPKCE

task = json.loads(sys.argv[1])
lists = {}


class StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def agree(address):
    """Agrees on the consent page and returns where the browser is sent."""
    try:
        urllib.request.build_opener(StayHere).open(address, b"answer=agree")
    except urllib.error.HTTPError as answer:
        return answer.headers["Location"]
    raise RuntimeError("the consent page sends nobody back")


def client(token):
    sp = spotipy.Spotify(auth=token, retries=0)
    sp.prefix = task["api"] + "/"
    return sp


def walk(name, read):
    try:
        lists[name] = {"ids": list(read())}
    except spotipy.SpotifyException as refusal:
        lists[name] = {"refused": f"{refusal.http_status} {refusal.msg}"}


def by_next(sp, page, inside=None):
    while page:
        page = page[inside] if inside else page
        yield from page["items"]
        page = sp.next(page)


def by_offset(read, limit):
    offset = 0
    while True:
        page = read(limit=limit, offset=offset)
        yield from page["items"]
        offset += limit
        if offset >= page["total"]:
            return


def ids(items, wrapper=None):
    return ((item[wrapper] if wrapper else item)["id"] for item in items)


for service in (SpotifyOAuth, SpotifyPKCE, SpotifyClientCredentials):
    service.OAUTH_AUTHORIZE_URL = task["accounts"] + "/authorize"
    service.OAUTH_TOKEN_URL = task["accounts"] + "/api/token"

app = {"client_id": task["client_id"], "cache_handler": MemoryCacheHandler()}
secret = {**app, "client_secret": task["client_secret"]}
user = {"redirect_uri": task["redirect_uri"], "scope": task["scopes"], "open_browser": False}

oauth = SpotifyOAuth(**secret, **user)
code = oauth.parse_response_code(agree(oauth.get_authorize_url()))
token = oauth.get_access_token(code, as_dict=True, check_cache=False)
walk("signed in with a code", lambda: [client(token["access_token"]).me()["id"]])

pkce = SpotifyPKCE(**{**app, "cache_handler": MemoryCacheHandler()}, **user)
code = pkce.parse_response_code(agree(pkce.get_authorize_url()))
pkce_token = pkce.get_access_token(code, check_cache=False)
walk("signed in with PKCE", lambda: [client(pkce_token).me()["id"]])

credentials = SpotifyClientCredentials(task["client_id"], task["client_secret"], cache_handler=MemoryCacheHandler())
app_token = credentials.get_access_token(as_dict=False, check_cache=False)
walk("signed in as an app", lambda: [client(app_token).artist(task["artist"])["id"]])

renewed = oauth.refresh_access_token(token["refresh_token"])
sp = client(renewed["access_token"])
walk("renewed", lambda: [sp.me()["id"]])

walk("me", lambda: [sp.current_user()["id"]])
walk("saved tracks", lambda: ids(by_next(sp, sp.current_user_saved_tracks(limit=50)), "track"))
walk("top tracks", lambda: ids(by_next(sp, sp.current_user_top_tracks(limit=50, time_range="long_term"))))
walk("top artists", lambda: ids(by_next(sp, sp.current_user_top_artists(limit=20, time_range="long_term"))))
walk("artist albums", lambda: ids(by_next(sp, sp.artist_albums(task["artist"], limit=10))))
walk("followed artists", lambda: ids(by_next(sp, sp.current_user_followed_artists(limit=5), "artists")))
walk("playlists", lambda: ids(by_offset(sp.current_user_playlists, 5)))
walk("playlists by next", lambda: ids(by_next(sp, sp.current_user_playlists(limit=5))))
walk("playlist items", lambda: (
    item["item"]["uri"] if item["item"] else ""
    for playlist in task["playlists"] for item in by_next(sp, sp.playlist_items(playlist, limit=50))))
walk("recently played", lambda: ids(by_next(sp, sp.current_user_recently_played(limit=20)), "track"))
walk("album tracks", lambda: ids(by_next(sp, sp.album_tracks(task["album"], limit=5))))
walk("one artist", lambda: [sp.artist(task["artist"])["id"]])
walk("one album", lambda: [sp.album(task["album"])["id"]])
walk("one track", lambda: [sp.track(task["track"])["id"]])
walk("several artists", lambda: ids(sp.artists([task["artist"]])["artists"]))
walk("several albums", lambda: ids(sp.albums([task["album"]])["albums"]))
walk("several tracks", lambda: ids(sp.tracks([task["track"]])["tracks"]))
walk("artist top tracks", lambda: ids(sp.artist_top_tracks(task["artist"])["tracks"]))
walk("user", lambda: [sp.user(task["user"])["id"]])
walk("user playlists", lambda: ids(by_offset(lambda **page: sp.user_playlists(task["user"], **page), 5)))
json.dump(lists, sys.stdout)
