// The cart, in a page: nested describes, a unicode name, and a file that can be emptied.
import assert from 'node:assert';

const page = `data:text/html,<button onclick="document.querySelector('b').textContent++">add</button><b>0</b>`;

if (!process.env.SUITE_EMPTY) {
  describe('cart', () => {
    beforeEach(() => browser.url(page));

    it('starts empty', async () => {
      assert.equal(await $('b').getText(), '0');
    });

    describe('with goods', () => {
      it('größe wächst ✓', async () => {
        await $('button').click();
        assert.equal(await $('b').getText(), '1');
      });
      it('same name', () => assert(true));
    });

    it('same name', () => assert(true));
  });
}
