"""The pages in Chromium, as people see them. They are slow, and skipped where there is none.

A new page is one line in `PAGES` of `tests/web/browser/pages.py`. Every page is looked at in four
ways: 1280 and 390 pixels wide, light and dark. `python -m tests.web.browser FOLDER` writes
pictures of all of them.
"""
