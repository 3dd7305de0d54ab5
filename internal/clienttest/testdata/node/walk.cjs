// What both Node clients share: the browser, and walking a list to its end.

// agree agrees on the consent page and returns the query that the browser is
// sent back with.
exports.agree = async (address) => {
  const answer = await fetch(address, { method: "POST", body: new URLSearchParams({ answer: "agree" }), redirect: "manual" });
  return new URL(answer.headers.get("location")).searchParams;
};

exports.ids = (items) => items.map((item) => item.id);

// allItems reads the items of several playlists and returns their URIs, empty
// for what is no longer there.
exports.allItems = async (playlists, read) => {
  const uris = [];
  for (const playlist of playlists) uris.push(...(await read(playlist)).map((item) => item.track?.uri ?? ""));
  return uris;
};

// byOffset reads pages until the total is reached.
exports.byOffset = async (limit, read) => {
  const items = [];
  for (let offset = 0, total = 1; offset < total; offset += limit) {
    const page = await read(limit, offset);
    items.push(...page.items);
    total = page.total;
  }
  return items;
};

// byCursor reads pages until there is no cursor; read takes the one of the page
// before.
exports.byCursor = async (read, cursor) => {
  const items = [];
  for (let page = await read(undefined); ; page = await read(cursor(page))) {
    items.push(...page.items);
    if (!page.next) return items;
  }
};

// walkAll reads each list of an object of functions and prints their ids, or how
// they are refused, which refusal tells of an error.
exports.walkAll = async (lists, refusal) => {
  const out = {};
  for (const [name, read] of Object.entries(lists)) {
    try {
      out[name] = { ids: await read() };
    } catch (error) {
      const refused = refusal(error);
      if (!refused) throw error;
      out[name] = { refused };
    }
  }
  process.stdout.write(JSON.stringify(out));
};
