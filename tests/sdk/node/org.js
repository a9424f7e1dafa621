// Okta's Node SDK, set up for a simulated org. Unlike the Python one it takes http URLs as they are.

'use strict';

const okta = require('@okta/okta-sdk-nodejs');

/** A client of the org at `orgUrl` that gives up on a 429 after `maxRetries`. */
function client(orgUrl, token, maxRetries = 0) {
  const requestExecutor = new okta.DefaultRequestExecutor({ maxRetries });
  // Without a cache: what is read is to be what is there now.
  return new okta.Client({ orgUrl, token, requestExecutor, cacheMiddleware: null });
}

/** Everything an SDK collection has, page by page. */
async function all(collection) {
  const found = [];
  await (await collection).each((item) => {
    found.push(item);
  });
  return found;
}

module.exports = { all, client };
