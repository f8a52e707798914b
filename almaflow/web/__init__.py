"""The web page of `almaflow serve`. How a request travels:

    browser
       |
    server      uvicorn in a separate thread; bounds on connections, heads and time
       |
    app         the rings around every request, the outermost first:
       |          errors      whatever went wrong becomes a page (under /api: JSON) and a status
       |          headers     Content-Security-Policy and its relatives, on every response
       |          hosts       only requests that name this server, and that none of its pages sent
       |                      from elsewhere (DNS rebinding, CSRF)
       |          bodies      a bound on what is read
       |          people      who asks (login, token, proxy), and whether their role may do that
       v
    pages/*     one module a page: plain functions, run in the thread pool: data in, template out
    api/*       the same data as JSON
       |
       v
    operations  what people read and ask for, shared with the command line; store

To add a page:

1. Write `pages/<name>.py` with a `router = APIRouter()` and plain `def` handlers. They take
   `context: Context` (see `context`: store, clock, project, zone) and, where they need it,
   `who: Who` (the person who asks). They return `render(request, "<name>.html", …values)`.
2. Write `templates/<name>.html`, which extends `base.html` and fills its blocks `title` and `main`.
   What browsers fetch again is a fragment in a separate file, `templates/<name>_live.html`, which
   the page includes, so that both are the same text; see `live` and `pages/today.py`.
3. Add the module to `ROUTERS` in `app`. The navigation (`NAVIGATION` in `rendering`) shows an entry
   as soon as a router answers its address.
4. Add its address to `PAGES` in `tests/web/browser/`, and tests in `tests/web/`.

Every text in a template is escaped, secrets are starred, and control and bidirectional characters
are made visible: write `{{ name }}`, in `<bdi>` where it comes from Alma, a file or a person. Never
use `|safe`, `style=`, `onclick` or an inline script: the policy forbids them, a test finds them.

An action is a link to a page that shows what will be done (GET), a POST of a form, and a redirect
(303) to the page that shows the result. A POST needs the role *operate*; one ring enforces that for
all of them. `RequestWrong` raised by a handler becomes a page with its sentence and status 400,
`RunNotFound` 404, other refusals of the store 409, `StoreTrouble` 503.
"""
