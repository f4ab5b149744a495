"""The embedded proxy: gate, request bodies, upstream, relay, server."""
