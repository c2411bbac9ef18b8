"""A pipeline with everything in it that DVC's files can say, for readers to be compared on."""

FILES = {
    "data.csv.dvc": r"""outs:
- md5: d41d8cd98f00b204e9800998ecf8427e
  size: 0
  path: data.csv
""",
    "dvc.yaml": r"""vars:
  - sub/p.json
  - extra: {k: v}
  - sub/p.toml:train
stages:
  plain:
    cmd: echo ${lr} ${a.b} ${extra.k} ${big.a.b[2].c} \${HOME}
    deps: [sub/p.py]
    params: [lr, big.a, flag]
    outs: [out/plain]
  multi:
    cmd: ["a ${train.epochs}", "b"]
    wdir: sub
    params:
      - p.toml: [train.epochs, train.when]
      - p.py:
      - p.json: [a]
      - missing.yaml: [x]
    outs:
      - multi.txt: {cache: false, persist: true}
      - m2: {push: false, remote: other, desc: hello}
    metrics: [m.json: {cache: false}]
    plots:
      - pl.csv: {x: a, y: b, cache: false}
    meta: {gpu: 2}
  args:
    cmd: python x.py ${args}
    outs: [o_args]
    frozen: true
  each:
    foreach: ${models}
    do:
      cmd: echo ${item.name} ${item.n}
      outs: ["each/${item.name}"]
  eachmap:
    foreach: ${names}
    do:
      cmd: echo ${key} ${item.e}
      deps: ["each/a"]
      outs: ["em/${key}"]
  simple:
    foreach: [x, 1, true]
    do:
      cmd: echo ${item}
      outs: ["s-${item}"]
  mat:
    matrix:
      m: ${models}
      k: [1, 2.5, z]
    cmd: echo ${item.m.name} ${item.k} ${key}
    outs: ["mat/${key}"]
  own:
    vars: [{q: 7}]
    cmd: echo ${q}
    params: [args]
    outs: [own]
""",
    "imp.dvc": r"""frozen: true
deps:
- path: data/x
  repo:
    url: https://example.org/r
    rev_lock: abc
outs:
- md5: d41d8cd98f00b204e9800998ecf8427e
  size: 0
  hash: md5
  path: imp
""",
    "params.yaml": r"""lr: 1e-3
flag: on
big: {a: {b: [1, 2, {c: x}]}, t: true}
models: [{name: a, n: 1}, {name: b, n: 2}]
args: {lr: 0.5, verbose: true, quiet: false, names: [a, "b c"], nested: {x: 1}, nil: null}
names: {us: {e: 1}, uk: {e: 2}}
""",
    "sub/p.json": r"""{"a": {"b": 1.0}, "l": [1]}
""",
    "sub/p.py": r"""LR = 0.1
T = (1, 2)
class Cfg:
    A = 1
    B: int = 2
    def __init__(self):
        self.c = [1, 2]
        d = 3
X = foo()
D = {"a": {"b": 1}}
""",
    "sub/p.toml": r"""[train]
epochs = 3
when = "x"
""",
    "url.dvc": r"""deps:
- path: https://example.org/x.csv
  checksum: abc
  size: 4
outs:
- md5: d41d8cd98f00b204e9800998ecf8427e
  size: 0
  hash: md5
  path: x.csv
""",
    "ver.dvc": r"""outs:
- path: ver
  hash: md5
  files:
  - relpath: b/a
    md5: d41d8cd98f00b204e9800998ecf8427e
    size: 3
    cloud: {s3: {etag: abc, version_id: v1}}
  - relpath: a
    md5: d41d8cd98f00b204e9800998ecf8427e
    size: 4
    cloud: {s3: {etag: abc, version_id: v2}}
""",
}
