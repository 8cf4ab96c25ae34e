// The cart, in a page: nested describes, a unicode name, and a file that can be emptied.
const { expect, test } = require('@playwright/test');

if (!process.env.SUITE_EMPTY) {
  test.describe('cart', () => {
    test.beforeEach(async ({ page }) => {
      await page.setContent(`
        <button onclick="document.querySelector('output').value++">add</button>
        <output>0</output>`);
    });

    test('starts empty', async ({ page }) => {
      await expect(page.locator('output')).toHaveText('0');
    });

    test.describe('with goods', () => {
      test('größe wächst ✓', async ({ page }) => {
        await page.getByRole('button', { name: 'add' }).click();
        await expect(page.locator('output')).toHaveText('1');
      });
    });
  });
}
