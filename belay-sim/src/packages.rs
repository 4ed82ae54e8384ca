//! The programs and files that boards need, and the Debian packages that bring them. This is the one list: `cargo xtask`
//! has this file, too, to install what is missing.

/// A program on the `PATH` or a file by its path, and its package.
pub(crate) type Need = (&'static str, &'static str);

/// What a build of any board needs.
pub(crate) const TOOLS: &[Need] = &[
    ("apt-get", "apt"),
    ("dpkg-source", "dpkg-dev"),
    ("gcc", "gcc"),
    ("/usr/include/stdio.h", "libc6-dev"),
    ("make", "make"),
    ("patch", "patch"),
    ("python3", "python3"),
    ("xz", "xz-utils"),
];

/// What a build of the `mps2` board needs besides.
pub(crate) const ARM_TOOLS: &[Need] = &[
    ("arm-none-eabi-gcc", "gcc-arm-none-eabi"),
    (
        "/usr/lib/arm-none-eabi/include/stdio.h",
        "libnewlib-arm-none-eabi",
    ),
];

/// What the boards in QEMU need to run: the emulator, and what ends it with the program that holds it.
pub(crate) const EMULATION: &[Need] = &[(QEMU, QEMU), ("setpriv", "util-linux")];
/// The emulator, and its package.
pub(crate) const QEMU: &str = "qemu-system-arm";

/// What counts the instructions that a board's process runs.
#[allow(dead_code, reason = "boards run without it")]
pub(crate) const COUNTING: &[Need] = &[("valgrind", "valgrind")];

/// The servers that tests put before a board, and what makes their certificates.
#[allow(dead_code, reason = "boards run without it")]
pub(crate) const SERVERS: &[Need] = &[
    ("/usr/sbin/ser2net", "ser2net"),
    ("/usr/sbin/sshd", "openssh-server"),
    ("openssl", "openssl"),
];

/// The firmware of the `microbit` board.
pub(crate) const MICROBIT: Need = (
    "/usr/share/firmware-microbit-micropython/firmware.hex",
    "firmware-microbit-micropython",
);
