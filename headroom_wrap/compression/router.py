"""wip"""
from __future__ import annotations
from headroom_wrap import tokens
from headroom_wrap.compression import search, test_runs, logs
from headroom_wrap.compression.model import Compressed, Compressor, Hints
import re
def route(text, hints):
    c=hints.tool_input.get('command','')
    if hints.tool_name=='Read' or re.search('git (diff|show|log)|cat |sed -n',c): return []
    if re.search(r'pytest|unittest|runtests|django test|tox ',c) or re.search('^(={5,} |FAILED |ERROR )',text,re.M): return [("test_runs",test_runs.compress)]
    return [("search", search.compress),("tr",test_runs.compress),("logs",logs.compress)]
def compress(text, hints):
    best=None
    for name, c in route(text, hints):
        r = c(text, hints)
        if r is None: continue
        a,b=tokens.count(text),tokens.count(r.text)+(58 if r.elided else 0)
        if a-b>=60 and a-b>=.15*a:
             if best is None or b<best[0]: best=b,name, r
    return best and best[1:]
