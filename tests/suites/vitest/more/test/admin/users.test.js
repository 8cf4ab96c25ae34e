// Its path contains that of test/admin/users.test.js: a filter that is not exact would run both.
import { expect, test } from 'vitest';

test('someone else', () => expect('Ada'.toLowerCase()).toBe('ada'));
