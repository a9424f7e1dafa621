// Drives a sandbox with Okta's own Node SDK and checks every answer.
//
// usage: node sdk.mjs URL TOKEN     (an org with one app of each of the six kinds)
//
// One line per check; exit code 1 when any failed.

import okta from '@okta/okta-sdk-nodejs';

const [orgUrl, token] = process.argv.slice(2);
if (!token) {
  console.error('usage: node sdk.mjs URL TOKEN');
  process.exit(2);
}
const api = new okta.Client({ orgUrl, token, requestTimeout: 10_000 }).applicationApi;
let failed = 0;

function check(what, got, expected) {
  const ok = JSON.stringify(got) === JSON.stringify(expected);
  failed += ok ? 0 : 1;
  console.log(
    ok ? `ok     ${what}` : `FAILED ${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(expected)}`
  );
}

// Okta's error code of a call that must fail.
async function refusal(call) {
  try {
    await call;
    return null;
  } catch (error) {
    return error.errorCode ?? String(error);
  }
}

// What an administrator does in the browser; gives the URL Okta's page shows.
async function approve(link) {
  const page = await (await fetch(link)).text();
  const fields = [...page.matchAll(/name="(\w+)" value="([^"]*)"/g)]
    .filter(([, name]) => name !== 'decision')
    .map(([, name, value]) => [name, value.replaceAll('&amp;', '&')]);
  const body = new URLSearchParams([...fields, ['decision', 'approve']]);
  const shown = await (await fetch(link, { method: 'POST', body })).json();
  return new URL(shown.continue_oauth_flow_url.href);
}

const set = (appId, profile, activate) =>
  api.updateDefaultProvisioningConnectionForApplication({
    appId,
    activate,
    ProvisioningConnectionRequest: { profile },
  });
const get = (appId) => api.getDefaultProvisioningConnectionForApplication({ appId });

async function listApps() {
  const apps = {};
  // Pages of two: the SDK follows the Link headers.
  await (await api.listApplications({ limit: 2 })).each((app) => {
    apps[app.name] = app.id;
  });
  check('list: the six apps over three pages', Object.keys(apps).sort(), [
    'google', 'office365', 'okta_org2org', 'slack', 'zoomus', 'zscalerbyz',
  ]);
  return apps;
}

async function tokenFlow(appId) {
  check('get: a fresh connection', (await get(appId)).status, 'DISABLED');
  const bad = set(appId, { authScheme: 'TOKEN', token: 'bad-token' });
  check('set: a token the hub refuses', await refusal(bad), 'E0000001');
  const features = api.listFeaturesForApplication({ appId }).then((list) => list.each(() => {}));
  check('features before the connection', await refusal(features), 'E0000001');
  const shown = await set(appId, { authScheme: 'TOKEN', token: 'good-token' }, true);
  check('set: activated', [shown.status, shown.profile.authScheme], ['ENABLED', 'TOKEN']);
  await api.deactivateDefaultProvisioningConnectionForApplication({ appId });
  check('deactivated', (await get(appId)).status, 'DISABLED');
  await api.activateDefaultProvisioningConnectionForApplication({ appId });
  check('activated', (await get(appId)).status, 'ENABLED');

  const name = 'USER_PROVISIONING';
  const updated = await api.updateFeatureForApplication({
    appId,
    name,
    CapabilitiesObject: {
      create: { lifecycleCreate: { status: 'ENABLED' } },
      update: { password: { change: 'CHANGE', seed: 'OKTA', status: 'ENABLED' } },
    },
  });
  check('update USER', updated.capabilities.create.lifecycleCreate.status, 'ENABLED');
  const feature = await api.getFeatureForApplication({ appId, name });
  check('get USER', feature.capabilities.update.password.seed, 'OKTA');
}

async function threeLeggedFlow(appId) {
  const shown = await set(appId, { authScheme: 'OAUTH2' });
  check('set OAUTH2: waits for consent', [shown.status, shown.profile.authScheme], ['DISABLED', 'OAUTH2']);
  const url = await approve(shown._links.authorize.href);
  const answer = {
    appName: 'slack',
    appId,
    code: url.searchParams.get('code'),
    state: url.searchParams.get('state'),
  };
  const verify = () => api.verifyProvisioningConnectionForApplication(answer);
  await verify();
  check('callback: spent', await refusal(verify()), 'E0000001');
  await api.activateDefaultProvisioningConnectionForApplication({ appId });
  check('activated after consent', (await get(appId)).status, 'ENABLED');
}

async function org2orgOauth(appId) {
  const profile = { authScheme: 'OAUTH2', clientId: '0oa9', signing: { rotationMode: 'AUTO' } };
  const shown = await set(appId, profile, true);
  check('migrate to OAUTH2', [shown.status, shown.profile.authScheme], ['ENABLED', 'OAUTH2']);
}

const apps = await listApps();
await tokenFlow(apps.okta_org2org);
await org2orgOauth(apps.okta_org2org);
await threeLeggedFlow(apps.slack);
check('an app that is not there', await refusal(get('0oagone')), 'E0000007');
console.log(`${failed} checks failed`);
process.exit(failed ? 1 : 0);
