const { expect, test } = require('@playwright/test');

test('create › confirm', () => expect('Ada'.toLowerCase()).toBe('ada'));

test.describe.skip('passwords', () => {
  test('are elsewhere', () => {
    throw new Error('a skipped test must not run');
  });
});
