// What `okta-rollout run` left behind, read with Okta's Node SDK and held against the manifest: status,
// scheme, and what each entry says itself of its features (../python/rolled_out.py merges defaults too).
//
// usage: rolled_out.js URL TOKEN MANIFEST

'use strict';

const { readFileSync } = require('node:fs');
const path = require('node:path');

const { Checks } = require('./checks');
const { all, client } = require('./org');

const checks = new Checks('node');

/** Without `userNameFormat`: recorded, and unknown to the SDK, which drops it (API.md §5.2). */
function known(name, value) {
  return name === 'userNameFormat' ? undefined : value;
}

async function entryIsThere(api, appId, entry) {
  const connection = await api.getDefaultProvisioningConnectionForApplication({ appId });
  const status = entry.status ?? 'ENABLED';
  checks.equal(`its connection is ${status}`, connection.status, status);
  if (entry.connection) {
    checks.equal('it has the scheme', connection.profile.authScheme, entry.connection.profile.authScheme);
  }
  for (const [name, wanted] of Object.entries(entry.features ?? {})) {
    const feature = await api.getFeatureForApplication({ appId, name });
    const said = JSON.parse(JSON.stringify(wanted, known));
    checks.contains(`${name} is as the manifest says`, feature.capabilities, said);
  }
}

async function main() {
  const [url, token, file] = process.argv.slice(2);
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  const api = client(url, token).applicationApi;
  const apps = await all(api.listApplications());
  for (const entry of manifest.apps) {
    await checks.flowOf(`${path.parse(file).name}: ${entry.label}`, async () => {
      const { id } = apps.find((app) => app.label === entry.label);
      await entryIsThere(api, id, entry);
    });
  }
}

main();
