"""The HTTP API: recommendations, events and audits for other programs, beside the pages or without them.

`shapes` says what is given and answered, `endpoints` what is done, `document` writes both as OpenAPI, `guard` says who
may ask, `app` puts it together.
"""
