// Okta's Node SDK against the sandbox: the flows of ../python/sandbox.py, more briefly.
//
// usage: sandbox.js URL TOKEN LIMITED_URL LIMITED_TOKEN LIMIT

'use strict';

const { Checks } = require('./checks');
const { all, client } = require('./org');

const NOT_AUTHORIZED = 'Api validation failed: credential. Verification failed: Invalid URL. Not authorized.';
const NOT_ENABLED = 'Api validation failed: feature. Provisioning is not enabled for the app instance.';
const BAD_STATE = 'Api validation failed: state. The state is invalid or expired.';

const checks = new Checks('node');

/** What is to be looked at in a connection: its model, status, schemes and links. */
function shown(connection) {
  const links = Object.keys(connection._links).filter((name) => connection._links[name]).sort();
  const { status, profile, authScheme } = connection;
  return [connection.constructor.name, status, profile.authScheme, authScheme, links.join(' ')];
}

const model = 'ProvisioningConnectionResponse';

async function apps(api) {
  const found = await all(api.listApplications({ limit: 5 }));
  checks.equal('pages of five give all', found.length, 18);
  checks.equal('no app twice', new Set(found.map((app) => app.id)).size, 18);
  const google = await all(api.listApplications({ filter: 'name eq "google"', limit: 1 }));
  checks.equal('the filter holds', google.map((app) => app.name), ['google', 'google', 'google']);
  checks.equal('apps are typed', google[0].constructor.name, 'SamlApplication');
  return new Map(found.reverse().map((app) => [app.name, app.id]));
}

async function tokenFlow(api, appId, baseUrl) {
  const set = (token, activate) => api.updateDefaultProvisioningConnectionForApplication({
    appId, activate, ProvisioningConnectionRequest: { baseUrl, profile: { authScheme: 'TOKEN', token } },
  });
  const get = () => api.getDefaultProvisioningConnectionForApplication({ appId });
  checks.equal('fresh', shown(await get()), [model, 'DISABLED', 'TOKEN', 'TOKEN', 'activate self']);
  const features = () => all(api.listFeaturesForApplication({ appId }));
  await checks.refused('features too early', features, 400, 'E0000001', NOT_ENABLED);
  await checks.refused('a bad token', () => set('bad token'), 400, 'E0000001', NOT_AUTHORIZED);
  const on = await set('a token', true);
  checks.equal('set', shown(on), [model, 'ENABLED', 'TOKEN', 'TOKEN', 'deactivate self']);
  checks.equal('has the base URL', on.baseUrl, baseUrl);
  await api.deactivateDefaultProvisioningConnectionForApplication({ appId });
  checks.equal('deactivated', (await get()).status, 'DISABLED');
  await api.activateDefaultProvisioningConnectionForApplication({ appId });
  checks.equal('activated', (await get()).status, 'ENABLED');
}

async function features(api, appId, names) {
  const found = await all(api.listFeaturesForApplication({ appId }));
  checks.equal('has its features', found.map((feature) => feature.name), names);
  const CapabilitiesObject = { create: { lifecycleCreate: { status: 'ENABLED' } } };
  const name = 'USER_PROVISIONING';
  const changed = await api.updateFeatureForApplication({ appId, name, CapabilitiesObject });
  checks.equal('is typed', changed.constructor.name, 'UserProvisioningApplicationFeature');
  checks.contains('set', changed.capabilities, CapabilitiesObject);
  const again = await api.getFeatureForApplication({ appId, name });
  checks.contains('shown', again.capabilities, CapabilitiesObject);
  checks.contains('keeps the rest', again.capabilities, { update: { profile: { status: 'DISABLED' } } });
}

/** Presses Approve on the third party's page; the query of the callback Okta's page then names. */
async function approve(link) {
  const page = await (await fetch(link)).text();
  const hidden = [...page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
  const fields = hidden.map(([, name, value]) => [name, value.replaceAll('&amp;', '&')]);
  const body = new URLSearchParams([...fields, ['decision', 'approve']]);
  const { continue_oauth_flow_url: go } = await (await fetch(link, { method: 'POST', body })).json();
  return Object.fromEntries(new URL(go.href).searchParams);
}

async function threeLegged(api, appName, appId, settings) {
  const ProvisioningConnectionRequest = { profile: { authScheme: 'OAUTH2', ...settings } };
  const posted = await api.updateDefaultProvisioningConnectionForApplication({ appId, ProvisioningConnectionRequest });
  const links = 'activate authorize self';
  checks.equal('posted', shown(posted), [model, 'DISABLED', 'OAUTH2', undefined, links]);
  const verify = (given) => api.verifyProvisioningConnectionForApplication({ appName, appId, ...given });
  const given = await approve(posted._links.authorize.href);
  await checks.refused('a foreign state', () => verify({ ...given, state: 'x' }), 400, 'E0000001', BAD_STATE);
  await verify(given);
  await checks.refused('handed in twice', () => verify(given), 400, 'E0000001', BAD_STATE);
  await api.activateDefaultProvisioningConnectionForApplication({ appId });
  const done = await api.getDefaultProvisioningConnectionForApplication({ appId });
  checks.equal('activated', shown(done), [model, 'ENABLED', 'OAUTH2', undefined, 'deactivate self']);
}

async function refusals(api, url, appId) {
  const get = (of, id) => () => of.getDefaultProvisioningConnectionForApplication({ appId: id });
  const nobody = 'Not found: Resource not found: 0oaNobody (AppInstance).';
  await checks.refused('an unknown app', get(api, '0oaNobody'), 404, 'E0000007', nobody);
  const stranger = client(url, '00notATokenOfThisOrg').applicationApi;
  await checks.refused('a wrong token', get(stranger, appId), 401, 'E0000011', 'Invalid token provided.');
}

async function rateLimit(url, token, limit) {
  const list = (okta) => () => all(okta.applicationApi.listApplications({ q: 'Zoom' }));
  const hasty = client(url, token);
  for (let n = 0; n < limit; n += 1) {
    await list(hasty)();
  }
  const message = 'API call exceeded rate limit due to too many requests.. ';
  const error = await checks.refused('one too many', list(hasty), 429, 'E0000047', message.trim());
  checks.equal('its headers', error.headers.get('x-rate-limit-limit'), String(limit));

  const patient = client(url, token, 1);
  let waits = 0;
  patient.requestExecutor.on('backoff', () => {
    waits += 1;
  });
  checks.equal('waiting for the reset is enough', (await list(patient)()).length, 3);
  checks.equal('waited once', waits, 1);
}

async function main() {
  const [url, token, limitedUrl, limitedToken, limit] = process.argv.slice(2);
  const api = client(url, token).applicationApi;
  let app = new Map();
  await checks.flowOf('apps', async () => {
    app = await apps(api);
  });
  const user = 'USER_PROVISIONING';
  const both = [user, 'INBOUND_PROVISIONING'];
  const base = 'https://scim.zscalerbeta.net/1/2/scim';
  const admin = { settings: { adminUsername: 'admin@acme.example', adminPassword: 'secret' } };
  const flows = [
    ['zscalerbyz TOKEN', () => tokenFlow(api, app.get('zscalerbyz'), base)],
    ['zscalerbyz features', () => features(api, app.get('zscalerbyz'), [user])],
    ['okta_org2org TOKEN', () => tokenFlow(api, app.get('okta_org2org'), undefined)],
    ['okta_org2org features', () => features(api, app.get('okta_org2org'), both)],
    ['google OAUTH2', () => threeLegged(api, 'google', app.get('google'), {})],
    ['google features', () => features(api, app.get('google'), both)],
    ['office365 OAUTH2', () => threeLegged(api, 'office365', app.get('office365'), admin)],
    ['refusals', () => refusals(api, url, app.get('google'))],
    ['rate limit', () => rateLimit(limitedUrl, limitedToken, Number(limit))],
  ];
  for (const [name, flow] of flows) {
    await checks.flowOf(name, flow);
  }
}

main();
