// What the golden vectors are made of: inputs alone, and the reasons where Gingersnap differs. Used by capture.mjs.

export const NOW = 1795521895032;
export const KEY = "an0ther-t3st-k3y-that-is-l0ng-en0ugh";
const OLD_KEY = "the-k3y-that-was-in-us3-bef0re-that-0ne";

export const WHY = {
  trimmed: "RFC 6265bis section 5.6 trims blanks and tabs around names and values; cookies only knows spaces before a name",
  empty: "an empty value is no value: the next cookie of the name is looked at",
  point: "a whole float keeps its point, so that it comes back as a float and the session is unchanged",
  zero: "the sign of zero is kept, so that the session is unchanged",
};

// koa.json

export const DATA = {
  number: { n: 1 },
  "empty text": { v: "" },
  "plain text": { user: "ada" },
  "quotes, semicolons, backslashes": { v: "\"a'; b=c\\d/" },
  "control characters": { v: "\0\x01\b\t\n\v\f\r\x1f\x7f\x80" },
  "line separators": { v: "\u2028\u2029" },
  "byte order mark": { v: "\ufeff\ufffe\uffff\ufffd" },
  "two octets": { v: "\u00e9\u017f\u07ff" },
  "three octets": { v: "\u0800\u20ac\ud7ff\ue000" },
  "four octets": { v: "\ud83c\udf6a\ud800\udc00\udbff\udfff" },
  "null, true, false": { a: null, b: true, c: false },
  "empty containers": { a: [], b: {}, c: [[]], d: [{}], e: { f: {} } },
  "nested containers": {
    cart: {
      items: [
        { id: 7, tags: ["a", "b"] },
        { id: 8, tags: [] },
      ],
    },
  },
  integers: { v: [0, 1, -1, 42, 2147483648, 9007199254740991, -9007199254740991] },
  "large integers": { v: [1e16, 1e17, 1e18, 1e19, 1e20, 123456789012345680000] },
  fractions: { v: [0.5, -0.25, 0.1 + 0.2, 1 / 3, 4.35, 1e-6, 123456789.125] },
  exponents: { v: [1e21, -1e21, 1.5e300, 1e-7, 1.5e-9, 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308] },
  "odd names": { "": 1, " ": 2, 'say "hi"': 3, "semi;colon": 4, "a=b": 5, "\u2028": 6, "\ud83c\udf6a": 7, "new\nline": 8 },
  "names of numbers": { 0: "a", 17: "b", "-1": "c", 1.5: "d", "01": "e" },
  "names of Object.prototype": { constructor: 1, toString: 2, hasOwnProperty: 3 },
  "nested __proto__": JSON.parse('{"v":{"__proto__":{"admin":true}}}'),
  "nested names of the envelope": { v: { _expire: 1, _maxAge: 2, _session: true, _created: 3, _owner: "x" } },
  "order of names": { z: 1, a: 2, m: 3 },
  "long text": { v: "x".repeat(2500) },
  "long list": { v: Array.from({ length: 300 }, (_, index) => index) },
  "deep lists": { v: Array.from({ length: 60 }).reduce((inner) => [inner], 1) },
  "deep objects": { v: Array.from({ length: 60 }).reduce((inner) => ({ a: inner }), null) },
  "text that looks like JSON": { v: '{"_expire":0}' },
  "one letter": { v: "a" },
  "two letters": { v: "ab" },
  "three letters": { v: "abc" },
};

export const LIVES = {
  "without maxAge": {},
  "an hour": { maxAge: 3600000 },
  "half a second": { maxAge: 500 },
  "a year": { maxAge: 31536000000 },
  "the browser's": { maxAge: "session" },
};

export const SETUPS = {
  "another name": { keys: [KEY], options: { key: "sid" } },
  "a name with a colon": { keys: [KEY], options: { key: "koa:sess" } },
  "two keys": { keys: [KEY, OLD_KEY] },
  "short key": { keys: ["k"] },
  "key longer than a block": { keys: ["k".repeat(200)] },
  "key of more than ASCII": { keys: ["cl\u00e9 \ud83d\udd11 of s\u00e9same, and longer than that"] },
  sha256: { keys: [KEY], algorithm: "sha256" },
  sha384: { keys: [KEY], algorithm: "sha384" },
  sha512: { keys: [KEY], algorithm: "sha512" },
};

export const CLOCKS = {
  "the first second": 0,
  "a leap day": 951782400000,
  "a second's last millisecond": 1795521895999,
  "the year 2038": 2147483648000,
  "the year 9999": 253402214400000,
};

// keygrip.json

export const SECRETS = {
  short: "k",
  usual: KEY,
  "with blanks": " a key ",
  unicode: "cl\u00e9 \ud83d\udd11",
  "64 octets": "x".repeat(64),
  "65 octets": "x".repeat(65),
  "128 octets": "y".repeat(128),
  "129 octets": "y".repeat(129),
  "1000 octets": "z".repeat(1000),
};

export const TEXTS = {
  empty: "",
  letter: "a",
  pair: "koa.sess=eyJuIjoxfQ==",
  removed: "koa.sess=",
  unicode: "Zo\u00eb \ud83c\udf6a\u2028",
  "control characters": "\0\x01\r\n",
  "63 octets": "d".repeat(63),
  "64 octets": "d".repeat(64),
  "5000 octets": "d".repeat(5000),
};

// cookies.json: Cookie headers in which `a` is looked for, by what they try.

export const HEADERS = [
  ...[
    "",
    "a=1",
    "a=1;",
    ";a=1",
    "a=1; b=2",
    "b=2; a=1",
    "b=2;a=1",
    "b=2;  a=1",
    "b=2;     a=1;c=3",
    " a=1",
    "   a=1",
    ";;;a=1",
    "; ; a=1",
  ],
  // duplicates
  ...["a=1; a=2", "a=2; a=1", "a=1;a=1", "a=1; b=0; a=2; a=3", "a=1; a=2; a=3; a=4; a=5; a=6"],
  // quotes
  ...[
    'a="1"',
    'a="1"; b=2',
    'a="1 2"',
    'a="',
    'a=""',
    'a="x',
    'a=x"',
    'a="x"y',
    'a=x"y"',
    'a="1;2"',
    "a='1'",
    'a=""1""',
    'a="\\"1\\""',
    'a=" 1 "',
  ],
  ...['"a"=1', '"a=1"', 'b="; a=1; "'],
  // nothing, or too many equals signs
  ...["a=", "a=; a=1", "a=;a=", 'a=""; a=1', "a", "a; b=1", "a; a=1", "=a", "=1; a=2", "a==1", "a=1=2", "a=b=c=d", "a=="],
  // blanks and tabs
  ...[
    "a=1 ",
    "a=1 ; b=2",
    "a= 1",
    "a= 1 ; b=2",
    "a =1",
    "b=2; a =1",
    "a\t=1",
    "a=\t1",
    "a=1\t",
    "\ta=1",
    "b=2;\ta=1",
    "b=2; \t a=1",
    "a = 1",
  ],
  ...['a= "1"', 'a="1" ', "a= ", "a=\t;a=1", "a=1 2", "a=1\t2", "a=1\u00a0", "\u00a0a=1"],
  // what is not special
  ...[
    "a=1,2",
    "a=1, b=2",
    "a=1, a=2",
    "a=%31",
    "a=%",
    "a=1&b=2",
    "b=2&a=1",
    "a=1|a=2",
    "a=a",
    "a=a=1",
    "b=a; a=1",
    "a=\u00e9\u00ff",
    "a=\u0080",
    "a:1",
  ],
  // look-alikes of the name
  ...[
    "A=1",
    "A=1; a=2",
    "aa=1",
    "ba=1",
    "b.a=1",
    "a.b=1",
    "a.sig=1",
    "a.sig=1; a=2",
    "a1=1",
    "a-=1",
    "_a=1",
    "$a=1",
    "x=a=1",
    "x=;a=1",
  ],
  ...["$Version=1; a=1; $Path=/", "ab=0; a b=0; b a=0; a=1"],
  // long ones
  ...[`a=${"x".repeat(5000)}`, `${";".repeat(1000)}a=1`, `${"b=1; ".repeat(500)}a=1`],
];

export const NAMED = [
  ["koa.sess", "koa.sess=1"],
  ["koa.sess", "koaXsess=1"],
  ["koa.sess", "koaXsess=1; koa.sess=2"],
  ["koa.sess", "koa.sess.sig=1"],
  ["koa.sess", "koa.sess.sig=1; koa.sess=2"],
  ["koa.sess", "koa.sess2=1; koa.sess=2"],
  ["koa.sess", "xkoa.sess=1"],
  ["koa:sess", "koa:sess=1"],
  ["a+b", "aab=1; a+b=2"],
  ["a*", "aaa=1; a*=2"],
  ["a$", "a$=1"],
  ["a|b", "a=1; a|b=2"],
  ["a^b", "a^b=1"],
  ["__Host-sid", "__host-sid=1; __Host-sid=2"],
];

// json.json

const powers = Array.from({ length: 8 }, (_, index) => index + 15);
const fractions = Array.from({ length: 8 }, (_, index) => index + 1);

export const NUMBERS = [
  ...[0, -0, 1, -1, 2, 10, 42, 100, -273, 255, 1e3, 1e5, 123456789, 2 ** 31, -(2 ** 31), 2 ** 32],
  ...[2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, -(2 ** 53), 2 ** 60, 2 ** 63, 2 ** 64],
  ...powers.flatMap((power) => [Number(`1e${power}`), Number(`-1e${power}`), Number(`1.5e${power}`)]),
  ...fractions.flatMap((power) => [Number(`1e-${power}`), Number(`-1.25e-${power}`)]),
  ...[0.5, 0.2, 0.1 + 0.2, 0.3, 1 / 3, 2 / 3, 4.35, 1.005, 9.995, 123456.789, 123456789.125, 0.000001234, 1234567890.1234567],
  ...[1e-10, 5e-324, -5e-324, 1e-323, 2.2250738585072014e-308, 2.225073858507201e-308],
  ...[1.7976931348623157e308, -1.7976931348623157e308, 1e300, 1.5e300, 1e100, 1e23, 8.41e21],
  ...[9.5e-7, 9.999999999999999e-7, 1.0000000000000002e-6, 2.0000000000000004],
  ...[999999999999999900000, 999999999999999868928, 1e21 + 131072, 123456789012345680000, 9007199254740992],
];

export const STRINGS = [
  ...["", "a", "plain", '"', "\\", "/", "'", "<script>", "&amp;", "\\u0041", "\\n", '\\"', "a\0b", "\x7f", "\x80\x9f", "\u00a0"],
  ...[
    "\u00e9",
    "e\u0301",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\ufffd",
    "\ufffe\uffff",
    "\ud7ff\ue000",
    "\ud83c\udf6a",
    "\ud800\udc00",
    "\udbff\udfff",
  ],
  "\ud83e\uddd1\u200d\ud83d\udcbb",
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)),
  ...["\ud800", "\udbff", "\udc00", "\udfff", "a\ud83cb", "\udf6a\ud83c"],
];
