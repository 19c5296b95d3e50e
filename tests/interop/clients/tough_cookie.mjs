// Asks for each path that comes by a line, with the cookies of tough-cookie, and writes the body by a line.
import { createInterface } from "node:readline";
import { CookieJar } from "tough-cookie";

const jar = new CookieJar();
for await (const path of createInterface({ input: process.stdin })) {
  const address = process.argv[2] + path;
  const response = await fetch(address, { headers: { cookie: await jar.getCookieString(address) } });
  for (const line of response.headers.getSetCookie()) await jar.setCookie(line, address);
  console.log(await response.text());
}
