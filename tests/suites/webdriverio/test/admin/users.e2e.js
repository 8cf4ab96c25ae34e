import assert from 'node:assert';

it('create', () => assert.equal('Ada'.toLowerCase(), 'ada'));

describe.skip('passwords', () => {
  it('are elsewhere', () => {
    throw new Error('a skipped test must not run');
  });
});
