# Loads the compiled agent from a file system in memory that has nothing else and is unmounted at once. Any failure
# raises, and then the host sends the source instead.
def _belay_f(data, check):
    global _belay_f, _belay
    del _belay_f
    import sys
    from binascii import a2b_base64, crc32
    from io import BytesIO

    try:
        from vfs import mount, umount
    except:
        from os import mount, umount
    data = a2b_base64(data)
    if crc32(data) != check:
        raise ValueError

    class Files:
        def mount(self, *_):
            pass

        umount = chdir = mount

        def stat(self, path):
            if path != "/_belay_f.mpy":
                raise OSError(2)
            return (32768,) * 10

        def open(self, *_):
            return BytesIO(data)

    mount(Files(), "/_belay_f")
    sys.path.insert(0, "/_belay_f")
    try:
        from _belay_f import _belay
    finally:
        sys.path.remove("/_belay_f")
        umount("/_belay_f")
        sys.modules.pop("_belay_f", None)
