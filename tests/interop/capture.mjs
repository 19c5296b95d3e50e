// Capture golden vectors from the Node packages, the same octets in every run: node capture.mjs <folder>
//
// Each row is one input and what the package made of it. Where Gingersnap differs on purpose, the row says `ours`, the value
// that it has instead, and `why`.
import { writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import Cookies from "cookies";
import Keygrip from "keygrip";
import { CLOCKS, DATA, HEADERS, KEY, LIVES, NAMED, NOW, NUMBERS, SECRETS, SETUPS, STRINGS, TEXTS, WHY } from "./inputs.mjs";
import { listen } from "./koa.mjs";

// koa.json: sessions as koa-session writes them.

function ask(port, command, cookie) {
  return new Promise((resolve, reject) => {
    const headers = cookie ? { cookie } : {};
    const request = http.request({ port, host: "127.0.0.1", method: "POST", headers }, async (response) => {
      const parts = [];
      for await (const part of response) parts.push(part);
      const text = Buffer.concat(parts).toString();
      if (response.statusCode !== 200) reject(new Error(text));
      resolve({ ...JSON.parse(text), lines: response.headers["set-cookie"] ?? [] });
    });
    request.on("error", reject).end(JSON.stringify(command));
  });
}

const headerOf = (lines) => lines.map((line) => line.split(";")[0]).join("; ");

async function session(port, name, data, setup, now = NOW, again = false) {
  let { lines } = await ask(port, { setup, now, steps: [["replace", data]] });
  // A second request, which restores the lifetime, and changes the session so that it is written.
  if (again) ({ lines } = await ask(port, { setup, now, steps: [["see"], ["set", "again", true]] }, headerOf(lines)));
  const key = setup.options?.key ?? "koa.sess";
  const value = lines[0].slice(key.length + 1).split(";")[0];
  const { _expire = null, _maxAge = null, _session = null } = JSON.parse(Buffer.from(value, "base64"));
  const stored = again ? { ...data, again: true } : data;
  return {
    ...{ name, key, keys: setup.keys, algorithm: setup.algorithm ?? "sha1", now_ms: now, data: stored },
    ...{
      expire_ms: _expire,
      max_age_ms: _maxAge,
      session: _session,
      dated: lines[0].includes("expires="),
      header: headerOf(lines),
      lines,
    },
  };
}

async function koa() {
  const server = await listen();
  const { port } = server.address();
  const rows = [];
  for (const [name, data] of Object.entries(DATA)) rows.push(await session(port, `data: ${name}`, data, { keys: [KEY] }));
  for (const [name, options] of Object.entries(LIVES)) {
    rows.push(await session(port, `life: ${name}`, { n: 1 }, { keys: [KEY], options }));
    rows.push(await session(port, `life: ${name}, second cookie`, { n: 1 }, { keys: [KEY], options }, NOW, true));
  }
  for (const [name, setup] of Object.entries(SETUPS)) {
    rows.push(
      await session(
        port,
        `setup: ${name}`,
        { n: 1, user: "Zo\u00eb" },
        { ...setup, options: { ...setup.options, maxAge: 86400000 } },
      ),
    );
  }
  for (const [name, now] of Object.entries(CLOCKS)) {
    rows.push(await session(port, `clock: ${name}`, { n: 1 }, { keys: [KEY], options: { maxAge: 3600000 } }, now));
  }
  server.close();
  server.closeAllConnections();
  return rows;
}

// keygrip.json: signatures.

function keygrip() {
  const rows = [];
  for (const algorithm of ["sha1", "sha256", "sha384", "sha512"]) {
    for (const [key, secret] of Object.entries(SECRETS)) {
      for (const [text, signed] of Object.entries(TEXTS)) {
        if (key !== "usual" && text !== "pair" && text !== "unicode") continue;
        rows.push({
          kind: "sign",
          name: `${algorithm}, key: ${key}, data: ${text}`,
          algorithm,
          keys: [secret],
          data: signed,
          digest: new Keygrip([secret], algorithm).sign(signed),
        });
      }
    }
    const all = ["newest", "older", "oldest"];
    const grip = new Keygrip(all, algorithm);
    const by = (key) => new Keygrip([key], algorithm).sign("a=b");
    const digests = {
      "the newest key": by("newest"),
      "an older key": by("older"),
      "the oldest key": by("oldest"),
      "a strange key": by("strange"),
      nothing: "",
      "a part": by("newest").slice(0, -1),
      more: `${by("newest")}A`,
      padding: `${by("newest")}=`,
      "other case": by("newest").toUpperCase(),
      "the standard alphabet": "+/+/",
      "another text": grip.sign("a=c"),
      "latin-1": "\u00e9\u00ff",
    };
    for (const [name, digest] of Object.entries(digests)) {
      rows.push({
        kind: "index",
        name: `${algorithm}, signed by ${name}`,
        algorithm,
        keys: all,
        data: "a=b",
        digest,
        index: grip.index("a=b", digest),
      });
    }
  }
  return rows;
}

// cookies.json: lines out, values in.

function setCookie(name, value, options, secure, keys) {
  const response = new http.ServerResponse(new http.IncomingMessage());
  new Cookies({ headers: {} }, response, { keys, secure }).set(name, value, options);
  return response.getHeader("set-cookie");
}

function lines() {
  const rows = [];
  const add = (name, attributes, { key = "koa.sess", value = "eyJuIjoxfQ==", expires = null } = {}) => {
    const {
      path = "/",
      domain = null,
      priority = null,
      sameSite = null,
      secure = false,
      httpOnly = true,
      partitioned = false,
    } = attributes;
    const options = {
      path,
      httpOnly,
      secure,
      partitioned,
      overwrite: true,
      ...(domain && { domain }),
      ...(priority && { priority }),
      ...(sameSite && { sameSite }),
    };
    if (expires !== null) options.expires = new Date(expires);
    rows.push({
      ...{ kind: "set", name, key, value, expires_ms: value === "" ? 0 : expires, keys: [KEY] },
      attributes: { path, domain, priority, same_site: sameSite, secure, http_only: httpOnly, partitioned },
      lines: setCookie(key, value, { ...options, signed: true }, secure, new Keygrip([KEY])),
      unsigned: setCookie(key, value, { ...options, signed: false }, secure),
    });
  };
  for (const secure of [false, true])
    for (const httpOnly of [false, true])
      for (const sameSite of [null, "lax", "strict", "none"])
        add(`secure ${secure}, httpOnly ${httpOnly}, sameSite ${sameSite}`, { secure, httpOnly, sameSite });
  for (const priority of ["low", "medium", "high"]) add(`priority ${priority}`, { priority });
  for (const path of ["/", "/app", "/a b", "/a,b=c"]) add(`path ${path}`, { path });
  for (const domain of ["example.com", "a.b-c.example", "localhost"]) add(`domain ${domain}`, { domain });
  add("partitioned", { partitioned: true, secure: true });
  const all = {
    path: "/x",
    domain: "example.com",
    priority: "high",
    sameSite: "none",
    secure: true,
    httpOnly: true,
    partitioned: true,
  };
  add("everything", all);
  add("everything, with a date", all, { expires: NOW });
  add("everything, removed", all, { value: "" });
  add("removed", {}, { value: "" });
  for (const [name, expires] of Object.entries({
    ...CLOCKS,
    "the last second of 9999": 253402300799999,
    "one millisecond": 1,
    "a Sunday": 1700352000000,
  })) {
    // koa: a date of 0 is a date.
    add(`date: ${name}`, {}, { expires });
  }
  for (const key of ["sid", "koa:sess", "__Host-sid", "a", "a$b"]) add(`name ${key}`, {}, { key });
  for (const value of ["x", "a=b", "a b", "x".repeat(3000), "%20", "!#$&'()*+-./:<>?@[]^_`{|}~"])
    add(`value ${value.slice(0, 30)}`, {}, { value });
  return rows;
}

function cookieIn(header, name) {
  return new Cookies({ headers: { cookie: header } }, {}, { keys: undefined, secure: false }).get(name, { signed: false }) ?? null;
}

// What Gingersnap finds instead, where it differs: blanks and tabs go, and an empty value is none.
function found(header, name) {
  const trim = (text) => text.replace(/^[ \t]+|[ \t]+$/g, "");
  for (const pair of header.split(";")) {
    const [label, ...rest] = pair.split("=");
    const trimmed = trim(rest.join("="));
    const value = trimmed.startsWith('"') ? trimmed.slice(1, -1) : trimmed;
    if (trim(label) === name && value) return value;
  }
  return null;
}

function headers() {
  const rows = [...HEADERS.map((header) => ["a", header]), ...NAMED];
  return rows.map(([key, header]) => {
    const name = header.length > 40 ? `${header.slice(0, 12)}... (${header.length})` : header;
    const value = cookieIn(header, key);
    const row = { kind: "get", name, key, header, value };
    const ours = found(header, key);
    return ours === value ? row : { ...row, ours, why: value === "" ? WHY.empty : WHY.trimmed };
  });
}

// json.json: how JSON.stringify spells.

function numbers() {
  return [...new Map(NUMBERS.map((value) => [Object.is(value, -0) ? "-0" : JSON.stringify(value), value]))].map(([name, value]) => {
    const bits = Buffer.alloc(8);
    bits.writeDoubleBE(value);
    const row = { kind: "number", name, bits: bits.toString("hex"), text: JSON.stringify(value) };
    if (Object.is(value, -0)) return { ...row, ours: "-0.0", why: WHY.zero };
    return /[.e]/.test(row.text) ? row : { ...row, ours: `${row.text}.0`, why: WHY.point };
  });
}

function strings() {
  return STRINGS.map((value) => {
    const points = [...value].map((letter) => letter.codePointAt(0));
    return {
      kind: "string",
      name: points.map((point) => point.toString(16)).join(" ") || "empty",
      points,
      text: JSON.stringify(value),
    };
  });
}

// Files of ASCII alone, one row to a line: diffs stay small.
function write(folder, name, rows) {
  const spell = (row) =>
    JSON.stringify(row).replace(/[\x7f-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
  writeFileSync(join(folder, `${name}.json`), `[\n${rows.map(spell).join(",\n")}\n]\n`);
}

const [folder] = process.argv.slice(2);
if (!folder) throw new Error("say where to: node capture.mjs <folder>");
write(folder, "koa", await koa());
write(folder, "keygrip", keygrip());
write(folder, "cookies", [...lines(), ...headers()]);
write(folder, "json", [...numbers(), ...strings()]);
