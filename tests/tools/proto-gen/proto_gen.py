"""Makes plate-deploy-apiserver/src/scheme/data/proto.txt.gz: the field numbers of Kubernetes' protobuf messages.

    python3 proto_gen.py $(go list -m -f '{{.Dir}}' k8s.io/api k8s.io/apimachinery) > proto.txt && gzip -9n proto.txt

Reads the `generated.proto` files of the given modules. A line `@core/v1.Volume` opens a message, each other line is a
field: number, JSON name, type. Types: `[` repeated, `{` map with text keys, then `s` text, `b` bool, `i` integer,
`d` double, `y` bytes, `#core/v1.X` message.
"""

import pathlib
import re
import sys

SCALARS = {"string": "s", "bool": "b", "bytes": "y", "double": "d", "float": "d"}


def type_name(package, name):
    if not name.startswith("."):
        name = f".{package}.{name}"
    path, message = name[1:].rsplit(".", 1)
    path = re.sub(r"^k8s\.io\.(api|apimachinery\.pkg\.(apis|api|util))\.", "", path)
    path = re.sub(r"^k8s\.io\.apimachinery\.pkg\.", "", path)
    return "#" + re.sub(r"\.(v\d\w*)$", r"/\1", path) + "." + message


def field_type(package, text):
    text = text.strip()
    if text in SCALARS:
        return SCALARS[text]
    if re.fullmatch(r"u?int(32|64)|s?fixed(32|64)|sint(32|64)", text):
        return "i"
    return type_name(package, text)


def main():
    for root in sys.argv[1:]:
        for path in sorted(pathlib.Path(root).rglob("generated.proto")):
            if "testdata" in path.parts or re.search("alpha|beta", path.parent.name):
                continue
            source = re.sub(r"//[^\n]*", "", path.read_text())
            package = re.search(r"^package ([\w.]+);", source, re.M).group(1)
            for message in re.finditer(r"^message (\w+) \{(.*?)^\}", source, re.M | re.S):
                print("@" + type_name(package, message.group(1))[1:])
                body = message.group(2)
                pattern = r"^\s*(?:(optional|repeated|required)\s+([\w.]+)|map<string, ([\w.]+)>)\s+(\w+) = (\d+)"
                for field in re.finditer(pattern, body, re.M):
                    label, kind, value, name, number = field.groups()
                    if value:
                        out = "{" + field_type(package, value)
                    else:
                        out = ("[" if label == "repeated" else "") + field_type(package, kind)
                    print(f"{number}\t{name}\t{out}")


main()
