# A file system over the board's own that can be full, and that can be like FAT.
import os


class Disk:
    # How many bytes there is room for; whether it says so; whether capitals are not told and a rename takes two steps; whether the power is
    # cut between these; whether it can only be read.
    room = None
    mute = False
    fat = False
    cut = False
    locked = False

    def __init__(self):
        self.real = os.VfsPosix(".")
        for name in ("ilistdir", "mkdir", "rmdir", "remove", "chdir", "getcwd"):
            setattr(self, name, getattr(self.real, name))

    def mount(self, *_):
        pass

    def umount(self):
        pass

    def used(self, folder=""):
        total = 0
        for entry in self.real.ilistdir(folder or "/"):
            path = folder + "/" + entry[0]
            total += self.used(path) if entry[1] == 0x4000 else self.real.stat(path)[6]
        return total

    def left(self):
        return 1 << 30 if self.room is None else max(self.room - self.used(), 0)

    def real_path(self, path):
        at = path.rfind("/")
        folder, name = path[:at] or "/", path[at + 1 :]
        if self.fat and name:
            for entry in self.real.ilistdir(folder):
                if entry[0].lower() == name.lower():
                    return path[: at + 1] + entry[0]
        return path

    def stat(self, path):
        return self.real.stat(self.real_path(path))

    def statvfs(self, path):
        if self.mute:
            raise OSError(95)
        return 1, 1, 1 << 30, self.left(), self.left(), 0, 0, 0, 0, 255

    def rename(self, old, new):
        if self.fat:
            try:
                self.real.remove(new)
            except OSError:
                pass
            if self.cut:
                import machine

                machine.reset()
        self.real.rename(old, new)

    def open(self, path, mode):
        if self.locked and ("w" in mode or "a" in mode):
            raise OSError(30)
        file = self.real.open(self.real_path(path), mode)
        return File(self, file) if "w" in mode or "a" in mode else file


class File:
    def __init__(self, disk, file):
        self.file = file
        self.disk = disk

    def write(self, data):
        left = self.disk.left()
        if len(data) > left:
            self.file.write(bytes(data)[:left])
            self.file.flush()
            raise OSError(28)
        many = self.file.write(data)
        self.file.flush()
        return many

    def close(self):
        self.file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


disk = Disk()
os.umount("/")
os.mount(disk, "/")
os.chdir("/")
