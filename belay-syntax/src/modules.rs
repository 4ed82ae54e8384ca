//! The modules that MicroPython and CircuitPython provide.
//!
//! The tables are those of MicroPython 1.26 (`MP_REGISTER_MODULE` and `MP_REGISTER_EXTENSIBLE_MODULE` in its
//! C sources, and the modules that the manifests of its ports freeze) and of CircuitPython (the core modules
//! of its documentation).

/// Modules in C, on boards of all kinds, that are imported before a file system is searched.
#[rustfmt::skip]
const FIXED: &[&str] = &[
    "__main__", "_asyncio", "_onewire", "_thread", "btree", "builtins", "cmath", "deflate", "framebuf", "gc", "lwip",
    "marshal", "math", "micropython", "network", "sys", "tls", "uctypes", "vfs",
];

/// Modules in C that only some boards have.
#[rustfmt::skip]
const OF_PORTS: &[&str] = &[
    "_espnow", "_rp2", "_webrepl", "alif", "ble", "board", "esp", "esp32", "ffi", "jni", "js", "jsffi", "microbit",
    "mimxrt", "music", "nrf", "openamp", "pyb", "renesas", "samd", "spiflash", "stm", "termios", "traceback", "ubluepy",
    "wipy", "zephyr", "zsensor",
];

/// Modules in C that a module in a file system replaces. Each has a second name, prefixed with `u`.
#[rustfmt::skip]
const EXTENSIBLE: &[&str] = &[
    "array", "binascii", "bluetooth", "collections", "cryptolib", "errno", "hashlib", "heapq", "io", "json", "machine",
    "os", "platform", "random", "re", "select", "socket", "ssl", "struct", "time", "websocket",
];

/// Modules in C that exist only under a name with `u`.
const WITH_U: &[&str] = &["usys", "uasyncio", "uzlib", "utimeq"];

/// Modules that the manifests of ports freeze.
#[rustfmt::skip]
const FROZEN: &[&str] = &[
    "_boot", "_boot_fat", "aioble", "aioespnow", "apa102", "apa106", "asyncio", "dht", "ds18x20", "espflash", "espnow",
    "flashbdev", "inisetup", "lcd160cr", "lcd160cr_test", "lora", "mip", "neopixel", "ntptime", "onewire", "requests",
    "rp2", "sdcard", "senml", "ssd1306", "umqtt", "upysh", "urequests", "webrepl", "webrepl_setup",
];

/// CircuitPython's core modules.
#[rustfmt::skip]
const CIRCUITPYTHON: &[&str] = &[
    "_bleio", "_eve", "_pew", "_pixelmap", "_stage", "adafruit_bus_device", "adafruit_pixelbuf", "aesio", "alarm",
    "analogbufio", "analogio", "atexit", "audiobusio", "audiocore", "audiodelays", "audiofilters", "audiofreeverb",
    "audioio", "audiomixer", "audiomp3", "audiopwmio", "aurora_epaper", "bitbangio", "bitmapfilter", "bitmaptools",
    "bitops", "busdisplay", "busio", "camera", "canio", "codeop", "countio", "cyw43", "digitalio", "displayio",
    "dotclockframebuffer", "dualbank", "epaperdisplay", "espcamera", "espidf", "espulp", "floppyio", "fontio",
    "fourwire", "framebufferio", "frequencyio", "getpass", "gifio", "gnss", "hostnetwork", "i2cdisplaybus",
    "i2cioexpander", "i2ctarget", "imagecapture", "ipaddress", "is31fl3741", "jpegio", "keypad", "keypad_demux",
    "locale", "lvfontio", "max3421e", "mcp4822", "mdns", "memorymap", "memorymonitor", "microcontroller", "mipidsi",
    "msgpack", "neopixel_write", "nvm", "onewireio", "paralleldisplaybus", "picodvi", "ps2io", "pulseio", "pwmio",
    "qrio", "qspibus", "rainbowio", "rclcpy", "rgbmatrix", "rotaryio", "rtc", "samd", "sdcardio", "sdioio",
    "sharpdisplay", "socketpool", "storage", "supervisor", "synthio", "terminalio", "tilepalettemapper", "touchio",
    "ulab", "usb", "usb_cdc", "usb_hid", "usb_host", "usb_midi", "usb_video", "ustack", "vectorio", "warnings",
    "watchdog", "wifi", "winterm", "zlib",
];

/// The modules that MicroPython or CircuitPython has on some board. Another board may lack one; that shows
/// only there.
///
/// ```
/// assert!(belay_syntax::modules().any(|module| module == "machine"));
/// ```
pub fn modules() -> impl Iterator<Item = &'static str> {
    [FIXED, OF_PORTS, EXTENSIBLE, WITH_U, FROZEN, CIRCUITPYTHON]
        .into_iter()
        .flatten()
        .copied()
}

/// Whether MicroPython or CircuitPython has a module of this name, on some board.
///
/// ```
/// assert!(belay_syntax::is_module("machine") && belay_syntax::is_module("utime"));
/// assert!(!belay_syntax::is_module("numpy"));
/// ```
pub fn is_module(name: &str) -> bool {
    let plain = || {
        name.strip_prefix('u')
            .is_some_and(|name| EXTENSIBLE.contains(&name))
    };
    modules().any(|module| module == name) || plain()
}

/// Whether boards of all kinds have a module of this name and import it without searching a file system.
///
/// ```
/// assert!(belay_syntax::is_fixed_module("math"));
/// assert!(!belay_syntax::is_fixed_module("time"), "a `time.py` takes its place");
/// ```
pub fn is_fixed_module(name: &str) -> bool {
    FIXED.contains(&name)
}
