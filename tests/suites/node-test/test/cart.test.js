// The cart: nested suites, subtests, a unicode name, and a file that can be emptied.
const assert = require('node:assert');
const { describe, it, test } = require('node:test');

if (!process.env.SUITE_EMPTY) {
  describe('cart', () => {
    it('starts empty', () => assert.equal([].length, 0));

    describe('with goods', () => {
      it('größe wächst ✓', async () => assert.equal(['apple'].length, 1));
      it('same name', () => assert(true));
    });

    it('same name', () => assert(true));
  });

  test('subtests', async (t) => {
    await t.test('first', () => assert(true));
    await t.test('second', () => assert(true));
  });
}
