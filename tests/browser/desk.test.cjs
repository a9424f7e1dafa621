// The desk as people meet it: in Chromium, with and without JavaScript, on a phone, in two tabs, and from the pages of
// somebody else; and the report as a page.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const { after, before, test } = require("node:test");
const { execFileSync, spawn, spawnSync } = require("node:child_process");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");

const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const PATIENCE = 60_000;

let browser;
before(async () => {
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
});
after(() => browser.close());

/** A folder with a manifest of simulated orgs whose consents are left to people. */
function folder(apps, sandbox = "") {
  const place = fs.mkdtempSync(path.join(os.tmpdir(), "desk-"));
  const orgs = Object.fromEntries(apps.map(([org]) => [org, { url: "sandbox" }]));
  const entries = apps.map(([org, app, label]) => ({ org, app, label, connection: { profile: { authScheme: "OAUTH2" } } }));
  fs.writeFileSync(path.join(place, "m.json"), JSON.stringify({ orgs, apps: entries }));
  fs.writeFileSync(path.join(place, "job.toml"),
    `manifest = "m.json"\n[sandbox]\nconsent = "manual"\nlimit = 0\n${sandbox}`);
  return place;
}

/** The program, its link, what it said, and its end. */
async function program(place, ...args) {
  const child = spawn(process.env.PROGRAM, args, { cwd: place, stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.on("data", part => { said.out += part; });
  child.stderr.on("data", part => { said.err += part; });
  const ended = new Promise(resolve => child.on("exit", resolve));
  const until = async what => {
    const begin = Date.now();
    while (!what()) {
      assert(Date.now() - begin < PATIENCE, `${args.join(" ")} does not say it:\n${said.out}${said.err}`);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  };
  await until(() => said.out.includes("\n") || child.exitCode !== null);
  const link = said.out.split("\n")[0];
  return { link, base: new URL(link).origin, said, until, ended, stop: () => child.kill("SIGKILL") };
}

const waiting = (at, count) => at.until(() => at.said.err.split("waiting for consent").length > count);

/** Opens the entry of this name, consents, and comes back with what Okta's page shows. */
async function consent(page, name) {
  const opened = page.context().waitForEvent("page");
  await page.getByRole("button", { name: new RegExp(`^Open.*${name}`) }).click();
  const tab = await opened;
  await tab.getByRole("button", { name: "Approve" }).click();
  await tab.waitForURL(/oauth2\/redirect/);
  const text = await tab.locator("body").innerText();
  assert.match(text, /continue_oauth_flow_url|code=/);
  await tab.close();
  return text;
}

async function handIn(page, text) {
  await page.getByLabel("What Okta showed after the consent").fill(text);
  await page.getByRole("button", { name: "Hand in" }).click();
  await page.locator("#told").waitFor();
}

const status = page => page.getByRole("status").innerText();

async function axe(page, what) {
  await page.addScriptTag({ content: AXE });
  const { violations } = await page.evaluate(rules => globalThis.axe.run(document, { runOnly: rules }), RULES);
  const told = violations.map(one => `${what}: ${one.id}: ${one.nodes.map(node => node.html).join("\n")}`);
  assert.deepStrictEqual(told, []);
  const isWide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  assert(!isWide, `${what} scrolls sideways`);
}

const THEMES = [{ colorScheme: "light" }, { colorScheme: "dark" }, { viewport: { width: 360, height: 740 } }];

for (const javaScriptEnabled of [true, false]) {
  test(`from the link to an entry that is done, ${javaScriptEnabled ? "with" : "without"} JavaScript`, async () => {
    const at = await program(folder([["acme", "google", "One"], ["acme", "slack", "Two"]]), "run", "job.toml", "--desk");
    try {
      await waiting(at, 2);
      const context = await browser.newContext({ javaScriptEnabled });
      const page = await context.newPage();
      await page.goto(at.link);
      assert.strictEqual(page.url(), `${at.base}/consents`, "the token does not stay in the address");
      // A wrong paste is told, and the box is still there.
      await handIn(page, "this is no answer");
      assert.match(await page.getByRole("alert").innerText(), /no answer was found/);
      const first = await consent(page, "google");
      await handIn(page, first);
      assert.match(await status(page), /acme\/google \(row 1\): accepted/);
      const focused = await page.evaluate(() => document.activeElement.id).catch(() => "told");
      assert.strictEqual(focused, "told", "whoever does not see is led to what became of it");
      const second = await consent(page, "slack");
      await handIn(page, second);
      assert.match(await status(page), /acme\/slack \(row 2\): accepted/);
      assert.strictEqual(await at.ended, 0, at.said.err);
      await context.close();
    } finally { at.stop(); }
  });
}

test("a link that has expired is renewed with one click", async () => {
  const at = await program(folder([["acme", "google", "One"]], 'assume.stateTtl = "1s"\n'), "run", "job.toml", "--desk");
  try {
    await waiting(at, 1);
    const page = await browser.newPage();
    await page.goto(at.link);
    const text = await consent(page, "google");
    await new Promise(resolve => setTimeout(resolve, 1_500));
    await handIn(page, text);
    assert.match(await page.getByRole("alert").innerText(), /Okta refused the answer/);
    await page.getByRole("button", { name: /^Fresh link/ }).click();
    await page.locator("#told").waitFor();
    assert.match(await status(page), /a fresh link is there/);
    await handIn(page, await consent(page, "google"));
    assert.match(await status(page), /accepted/);
    assert.strictEqual(await at.ended, 0, at.said.err);
    await page.close();
  } finally { at.stop(); }
});

test("two tabs and two people do not collide, and see each other", async () => {
  const at = await program(folder([["acme", "google", "One"], ["acme", "slack", "Two"]]), "run", "job.toml", "--desk");
  try {
    await waiting(at, 2);
    const [ada, bob] = await Promise.all([browser.newContext(), browser.newContext()]);
    const [one, two] = [await ada.newPage(), await bob.newPage()];
    await one.goto(at.link);
    await two.goto(at.link);
    await one.getByLabel("Your name").fill("Ada");
    await one.getByRole("button", { name: "Keep" }).click();
    await two.getByText("2 entries wait for a consent").waitFor();
    const text = await consent(one, "google");
    // Without a reload: it is heard.
    await two.getByText("Ada opened it").waitFor();
    await Promise.all([handIn(one, text), handIn(two, text)]);
    // Whoever comes second hears that it is being handed in, or that it was.
    const told = await Promise.all([one, two].map(page => page.locator("#told").innerText()));
    assert(told.some(text => /row 1\): accepted/.test(text)), told.join());
    await two.getByText("1 entry waits for a consent").waitFor();
    await handIn(two, await consent(two, "slack"));
    assert.strictEqual(await at.ended, 0, at.said.err);
    await Promise.all([ada.close(), bob.close()]);
  } finally { at.stop(); }
});

test("a link for one org works on a phone, and shows no other", async () => {
  const place = folder([["acme", "google", "One"], ["globex", "slack", "Two"]]);
  const at = await program(place, "run", "job.toml", "--desk");
  try {
    await waiting(at, 2);
    const share = execFileSync(process.env.PROGRAM, ["consent", "share", "acme"], { cwd: place, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const context = await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, bypassCSP: true });
    const page = await context.newPage();
    await page.goto(share.trim());
    await axe(page, "share");
    const text = await page.locator("body").innerText();
    assert(/acme/.test(text) && !/globex/.test(text), text);
    await handIn(page, await consent(page, "google"));
    assert.match(await status(page), /acme\/google \(row 1\): accepted/);
    const other = await page.goto(`${at.base}/consents`);
    assert.strictEqual(other.status(), 401);
    await context.close();
  } finally { at.stop(); }
});

test("every page is for everybody, in both themes, on a phone, empty and full", async () => {
  const many = Array.from({ length: 130 }, (_, no) => [`org-${no % 40}`, ["google", "slack", "zoomus"][no % 3], `App ${no}`]);
  for (const apps of [[["acme", "google", "One"], ["acme", "slack", "Two"], ["globex", "zoomus", "Three"]], many]) {
    const at = await program(folder(apps), "run", "job.toml", "--desk");
    try {
      await waiting(at, apps.length);
      for (const options of THEMES) {
        const context = await browser.newContext({ ...options, bypassCSP: true, reducedMotion: "reduce" });
        const page = await context.newPage();
        const wrong = [];
        page.on("console", said => { if (said.type() === "error") wrong.push(said.text()); });
        await page.goto(at.link);
        await page.goto(`${at.base}/runs`);
        const run = await page.locator("a[href^='/runs/']").first().getAttribute("href");
        for (const where of ["/consents", "/consents?org=nobody", "/runs", run, `${run}?state=failed`, `${run}/entries/1`, "/jobs"]) {
          await page.goto(at.base + where);
          await axe(page, `${where} ${JSON.stringify(options)}`);
        }
        assert.deepStrictEqual(wrong, []);
        await context.close();
      }
    } finally { at.stop(); }
  }
});

test("the report as a page is for everybody, in both themes, on a phone, folded and unfolded", async () => {
  const fault = '[[sandbox.faults.rules]]\nfault = "unavailable"\npath = "*/0oanone*/connections/default"\nmethod = "POST"\n';
  const waves = '[[waves]]\norgs = ["acme"]\n[[waves]]\norgs = ["globex"]\n';
  const place = folder([["acme", "google", "One"], ["globex", "slack", "Two"]], `${fault}[retry]\nmaxAttempts = 1\n${waves}`);
  const manifest = JSON.parse(fs.readFileSync(path.join(place, "m.json"), "utf8"));
  const token = { baseUrl: "https://scim.zscalerbeta.net/1/2/scim", profile: { authScheme: "TOKEN", token: "env:APP_TOKEN" } };
  const zscaler = more => ({ org: "acme", app: "zscalerbyz", connection: token, ...more });
  manifest.apps.push(zscaler({ label: "Three" }), ...Array.from({ length: 3 }, (_, no) => zscaler({ appId: `0oanone${no}` })));
  fs.writeFileSync(path.join(place, "m.json"), JSON.stringify(manifest));
  const run = (...args) => spawnSync(process.env.PROGRAM, args, { cwd: place, encoding: "utf8", env: { ...process.env, APP_TOKEN: "x" } });
  const ran = run("run", "job.toml");
  assert.strictEqual(ran.status, 3, ran.stderr);
  assert.strictEqual(run("report", "--format", "html", "-o", "report.html").status, 0);
  const address = pathToFileURL(path.join(place, "report.html")).href;
  for (const options of THEMES) {
    const context = await browser.newContext({ ...options, bypassCSP: true });
    const page = await context.newPage();
    await page.goto(address);
    const text = await page.locator("body").innerText();
    for (const what of [/failed/, /Waiting for consent/, /Waves/, /Budget use over time/]) assert.match(text, what);
    await axe(page, `report ${JSON.stringify(options)}`);
    await page.evaluate(() => document.querySelectorAll("details").forEach(one => { one.open = true; }));
    await axe(page, `report, unfolded ${JSON.stringify(options)}`);
    await context.close();
  }
});

test("the link may be followed from a page of somebody else's", async () => {
  const at = await program(folder([["acme", "google", "One"]]), "run", "job.toml", "--desk");
  const mail = http.createServer((_, answer) => {
    answer.setHeader("content-type", "text/html");
    answer.end(`<a href="${at.link}">the desk</a>`);
  });
  await new Promise(resolve => mail.listen(0, "127.0.0.1", resolve));
  try {
    await waiting(at, 1);
    const page = await browser.newPage();
    await page.goto(`http://localhost:${mail.address().port}/`);
    await page.getByRole("link", { name: "the desk" }).click();
    await page.getByText("1 entry waits for a consent").waitFor();
    await page.close();
  } finally {
    at.stop();
    mail.close();
  }
});

test("pages of somebody else neither read nor do nor frame anything", async () => {
  const at = await program(folder([["acme", "google", "One"]]), "run", "job.toml", "--desk");
  const evil = http.createServer((_, answer) => {
    answer.setHeader("content-type", "text/html");
    answer.end(`<iframe name=frame src="${at.base}/consents"></iframe>
      <form method=post action="${at.base}/consents/answers" target=_self><input name=answers value=x><button>Go</button></form>`);
  });
  await new Promise(resolve => evil.listen(0, "127.0.0.1", resolve));
  try {
    await waiting(at, 1);
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(at.link);
    for (const host of ["127.0.0.1", "localhost"]) {
      await page.goto(`http://${host}:${evil.address().port}/`);
      const read = await page.evaluate(url => fetch(url, { credentials: "include" }).then(answer => answer.text(), () => "blocked"), `${at.base}/consents`);
      assert.strictEqual(read, "blocked", host);
      const sent = await page.evaluate(url => fetch(url, { method: "POST", credentials: "include", mode: "no-cors", body: new URLSearchParams({ answers: "x" }) }).then(() => "sent", () => "blocked"), `${at.base}/consents/answers`);
      assert(["sent", "blocked"].includes(sent));
      const frame = page.frame("frame");
      const shown = await frame.evaluate(() => document.body.innerText).catch(() => "");
      assert(!/acme/.test(shown), shown);
      const [answer] = await Promise.all([page.waitForResponse(one => one.url().endsWith("/answers") && one.request().isNavigationRequest()), page.getByRole("button", { name: "Go" }).click()]);
      assert.strictEqual(answer.status(), 403);
    }
    await page.goto(`${at.base}/consents`);
    await page.getByText("1 entry waits for a consent").waitFor();
    await context.close();
  } finally {
    at.stop();
    evil.close();
  }
});
