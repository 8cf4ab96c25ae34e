// Its path ends like that of users.spec.js: a filter that is not anchored would run both.
const { expect, test } = require('@playwright/test');

test('create › all', () => expect('Ada'.toLowerCase()).toBe('ada'));
