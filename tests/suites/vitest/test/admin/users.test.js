import { describe, expect, test } from 'vitest';

test('create', () => expect('Ada'.toLowerCase()).toBe('ada'));

describe.skip('passwords', () => {
  test('are elsewhere', () => {
    throw new Error('a skipped test must not run');
  });
});
