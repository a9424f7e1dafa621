// How a script of this folder tells what it found: a line per check, as ../python/checks.py does.

'use strict';

const { isDeepStrictEqual } = require('node:util');

class Checks {
  constructor(script) {
    this.script = script;
    this.flow = '';
  }

  /** Names the checks inside; whatever is thrown there is told and ends only this flow. */
  async flowOf(name, flow) {
    this.flow = name;
    try {
      await flow();
    } catch (error) {
      this.tell(false, 'runs to its end', error.message);
    }
  }

  tell(holds, what, detail) {
    const line = `${this.script}: ${this.flow}: ${what}`;
    if (holds) {
      console.log(`ok ${line}`);
      return;
    }
    process.exitCode = 1;
    console.log(`FAILED ${line}: ${String(detail).replace(/\s+/g, ' ')}`);
  }

  equal(what, found, wanted) {
    const detail = `${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`;
    this.tell(isDeepStrictEqual(found, wanted), what, detail);
  }

  /** `found` says everything that `wanted` says; it may say more. */
  contains(what, found, wanted) {
    const detail = `${JSON.stringify(found)} lacks ${JSON.stringify(wanted)}`;
    this.tell(says(found, wanted), what, detail);
  }

  /** `call` is refused by Okta with this. */
  async refused(what, call, status, code, message) {
    const error = await call().then(() => new Error('accepted'), (refusal) => refusal);
    const found = [error.name, error.status, error.errorCode, error.message.trim()];
    this.equal(what, found, ['OktaApiError', status, code, `Okta HTTP ${status} ${code} ${message}`]);
    return error;
  }
}

function says(found, wanted) {
  if (wanted === null || typeof wanted !== 'object') {
    return found === wanted;
  }
  return Boolean(found) && Object.keys(wanted).every((key) => says(found[key], wanted[key]));
}

module.exports = { Checks };
