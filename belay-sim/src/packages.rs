//! The programs and files that boards need, and the Debian packages that contain them. `cargo xtask` includes
//! this file as well, to install what is missing, so that there is only one list.

/// A program on the `PATH`, or the path of a file, and its package.
pub(crate) type Need = (&'static str, &'static str);

/// Needed to build any board.
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

/// Needed to build the `mps2` board, too.
pub(crate) const ARM_TOOLS: &[Need] = &[
    ("arm-none-eabi-gcc", "gcc-arm-none-eabi"),
    (
        "/usr/lib/arm-none-eabi/include/stdio.h",
        "libnewlib-arm-none-eabi",
    ),
];

/// Needed to run the boards in QEMU: the emulator, and the program that makes the kernel end it together with
/// its parent.
pub(crate) const EMULATION: &[Need] = &[(QEMU, QEMU), ("setpriv", "util-linux")];
/// The emulator, and its package.
pub(crate) const QEMU: &str = "qemu-system-arm";

/// Counts the instructions that a board's process executes.
#[allow(dead_code, reason = "boards run without it")]
pub(crate) const COUNTING: &[Need] = &[("valgrind", "valgrind")];

/// Servers that tests put between the host and a board, and the program that makes their certificates.
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
