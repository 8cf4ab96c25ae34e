const assert = require('node:assert');
const { describe, it, test } = require('node:test');

test('create', () => assert.equal('Ada'.toLowerCase(), 'ada'));

describe('passwords', { skip: true }, () => {
  it('are elsewhere', () => {
    throw new Error('a skipped test must not run');
  });
});
