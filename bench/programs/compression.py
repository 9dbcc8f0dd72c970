"""Pack the pages of a log and unpack them again, one after another."""

import hashlib
import zlib


def page(number):
    lines = (f"{number * 1000 + i:08} GET /item/{i * i % 997} 200 {i % 89} ms\n" for i in range(4000))
    return "".join(lines).encode()


def main():
    digest, raw, packed = hashlib.sha256(), 0, 0
    for number in range(240):
        text = page(number)
        small = zlib.compress(text, 6)
        if zlib.decompress(small) != text:
            raise SystemExit("a page has changed")
        raw, packed = raw + len(text), packed + len(small)
        digest.update(small)
    print("pages", 240, "bytes", raw, "packed", packed, digest.hexdigest())


main()
