//! Suggestions for undefined names.

/// Names of other languages and of CPython, with what to write in MicroPython.
const INSTEAD: &[(&str, &str)] = &[
    ("true", "write `True`"),
    ("false", "write `False`"),
    ("none", "write `None`"),
    ("null", "write `None`"),
    ("nil", "write `None`"),
    ("NULL", "write `None`"),
    ("undefined", "write `None`"),
    ("TRUE", "write `True`"),
    ("FALSE", "write `False`"),
    ("NONE", "write `None`"),
    (
        "self",
        "a body has no `self`: write the names that a setup defines as they are",
    ),
    (
        "this",
        "a body has no `this`: write the names that a setup defines as they are",
    ),
    (
        "printf",
        "write `print(…)`, with an f-string: `print(f\"{value}\")`",
    ),
    ("println", "write `print(…)`"),
    ("echo", "write `print(…)`"),
    ("raw_input", "write `input`"),
    ("xrange", "write `range`"),
    ("unicode", "write `str`"),
    ("long", "write `int`"),
    ("string", "write `str`"),
    ("boolean", "write `bool`"),
    ("array", "write a list, or `from array import array`"),
    (
        "delay",
        "write `from time import sleep_ms` and `sleep_ms(…)`: it waits for milliseconds",
    ),
    (
        "millis",
        "write `from time import ticks_ms` and `ticks_ms()`, and subtract with `ticks_diff`",
    ),
    (
        "digitalWrite",
        "write `from machine import Pin` and `Pin(number, Pin.OUT).value(1)`",
    ),
    (
        "digitalRead",
        "write `from machine import Pin` and `Pin(number, Pin.IN).value()`",
    ),
    (
        "analogRead",
        "write `from machine import ADC` and `ADC(Pin(number)).read_u16()`",
    ),
    ("ascii", "MicroPython has no `ascii`: write `repr`"),
    (
        "format",
        "MicroPython has no function `format`: write an f-string, or `\"{}\".format(value)`",
    ),
    (
        "vars",
        "MicroPython has no `vars`: write `globals()`, or name the attributes",
    ),
    ("aiter", "MicroPython has no `aiter`: write `value.__aiter__()`"),
    (
        "anext",
        "MicroPython has no `anext`: write `await value.__anext__()`",
    ),
    ("exit", "write `import sys` and `sys.exit()`"),
    ("quit", "write `import sys` and `sys.exit()`"),
    ("breakpoint", "MicroPython has no debugger"),
    (
        "__file__",
        "code that did not come from a file of the board has no `__file__`",
    ),
    ("IOError", "MicroPython has no `IOError`: write `OSError`"),
    (
        "EnvironmentError",
        "MicroPython has no `EnvironmentError`: write `OSError`",
    ),
    (
        "ModuleNotFoundError",
        "MicroPython has no `ModuleNotFoundError`: write `ImportError`",
    ),
    (
        "RecursionError",
        "MicroPython has no `RecursionError`: write `RuntimeError`",
    ),
    (
        "UnboundLocalError",
        "MicroPython has no `UnboundLocalError`: write `NameError`",
    ),
    (
        "UnicodeDecodeError",
        "MicroPython has no `UnicodeDecodeError`: write `UnicodeError`",
    ),
    (
        "UnicodeEncodeError",
        "MicroPython has no `UnicodeEncodeError`: write `UnicodeError`",
    ),
    (
        "FloatingPointError",
        "MicroPython has no `FloatingPointError`: write `ArithmeticError`",
    ),
    (
        "TabError",
        "MicroPython has no `TabError`: write `IndentationError`",
    ),
    ("ExceptionGroup", "MicroPython has no exception groups"),
    ("BaseExceptionGroup", "MicroPython has no exception groups"),
    ("Warning", "MicroPython has no warnings: write `Exception`"),
    (
        "DeprecationWarning",
        "MicroPython has no warnings: write `Exception`",
    ),
    ("UserWarning", "MicroPython has no warnings: write `Exception`"),
];

/// The subclasses of `OSError` that CPython has, with the error code that MicroPython uses instead.
const OS_ERRORS: &[(&str, &str)] = &[
    ("BlockingIOError", "EAGAIN"),
    ("BrokenPipeError", "EPIPE"),
    ("ConnectionAbortedError", "ECONNABORTED"),
    ("ConnectionError", "ECONNRESET"),
    ("ConnectionRefusedError", "ECONNREFUSED"),
    ("ConnectionResetError", "ECONNRESET"),
    ("FileExistsError", "EEXIST"),
    ("FileNotFoundError", "ENOENT"),
    ("InterruptedError", "EINTR"),
    ("IsADirectoryError", "EISDIR"),
    ("NotADirectoryError", "ENOTDIR"),
    ("PermissionError", "EACCES"),
    ("TimeoutError", "ETIMEDOUT"),
];

/// The modules in which often used names are defined.
#[rustfmt::skip]
const MODULES: &[(&str, &[&str])] = &[
    ("machine", &[
        "ADC", "CAN", "DAC", "I2C", "I2S", "PWM", "Pin", "RTC", "SDCard", "SPI", "Signal", "SoftI2C", "SoftSPI",
        "Timer", "TouchPad", "UART", "WDT", "bitstream", "deepsleep", "disable_irq", "enable_irq", "freq",
        "lightsleep", "mem16", "mem32", "mem8", "reset", "reset_cause", "soft_reset", "time_pulse_us", "unique_id",
    ]),
    ("time", &[
        "gmtime", "localtime", "mktime", "sleep", "sleep_ms", "sleep_us", "ticks_add", "ticks_cpu", "ticks_diff",
        "ticks_ms", "ticks_us", "time_ns",
    ]),
    ("math", &[
        "acos", "asin", "atan", "atan2", "ceil", "cos", "degrees", "exp", "fabs", "floor", "fmod", "isinf", "isnan",
        "log", "log10", "log2", "pi", "radians", "sin", "sqrt", "tan", "tau", "trunc",
    ]),
    ("os", &["chdir", "getcwd", "ilistdir", "listdir", "mkdir", "rename", "rmdir", "stat", "statvfs", "uname", "urandom"]),
    ("random", &["choice", "getrandbits", "randint", "randrange", "uniform"]),
    ("sys", &["print_exception", "stderr", "stdin", "stdout"]),
    ("json", &["dumps", "loads"]),
    ("collections", &["OrderedDict", "deque", "namedtuple"]),
    ("struct", &["calcsize", "pack", "pack_into", "unpack", "unpack_from"]),
    ("binascii", &["a2b_base64", "b2a_base64", "hexlify", "unhexlify"]),
    ("hashlib", &["md5", "sha1", "sha256"]),
    ("io", &["BytesIO", "StringIO"]),
    ("uctypes", &["addressof", "bytearray_at", "bytes_at"]),
    ("micropython", &["alloc_emergency_exception_buf", "const", "kbd_intr", "mem_info", "schedule"]),
    ("_thread", &["allocate_lock", "start_new_thread"]),
    ("rp2", &["PIO", "StateMachine", "asm_pio", "bootsel_button"]),
    ("network", &["LAN", "WLAN"]),
    ("bluetooth", &["BLE"]),
    ("neopixel", &["NeoPixel"]),
    ("onewire", &["OneWire"]),
    ("ds18x20", &["DS18X20"]),
    ("dht", &["DHT11", "DHT22"]),
    ("framebuf", &["FrameBuffer"]),
    ("ssd1306", &["SSD1306_I2C", "SSD1306_SPI"]),
    ("errno", &["EACCES", "EAGAIN", "EEXIST", "EINVAL", "EIO", "ENODEV", "ENOENT", "ETIMEDOUT"]),
];

/// Further modules that are built into boards.
#[rustfmt::skip]
const OTHER_MODULES: &[&str] = &[
    "aioble", "array", "asyncio", "btree", "cmath", "cryptolib", "deflate", "esp", "esp32", "espnow", "gc", "heapq",
    "mimxrt", "nrf", "ntptime", "platform", "pyb", "re", "requests", "select", "socket", "ssl", "stm", "tls", "uarray",
    "uasyncio", "ubinascii", "ucollections", "uerrno", "uhashlib", "uheapq", "uio", "ujson", "uos", "urandom", "ure",
    "urequests", "uselect", "usocket", "ussl", "ustruct", "usys", "utime", "uzlib", "vfs", "webrepl", "zephyr", "zlib",
];

/// What to write instead of an undefined name, if it is one that people often expect to be defined.
///
/// ```
/// assert_eq!(belay_syntax::advice("ADC").as_deref(), Some("write `from machine import ADC`"));
/// assert_eq!(belay_syntax::advice("math").as_deref(), Some("write `import math`"));
/// assert_eq!(belay_syntax::advice("true").as_deref(), Some("write `True`"));
/// assert_eq!(belay_syntax::advice("thermometer"), None);
/// ```
pub fn advice(name: &str) -> Option<String> {
    let module = |(module, _): &&(&str, _)| *module == name;
    if MODULES.iter().any(|entry| module(&entry)) || OTHER_MODULES.contains(&name) {
        return Some(format!("write `import {name}`"));
    }
    if let Some((_, instead)) = INSTEAD.iter().find(|(other, _)| *other == name) {
        return Some((*instead).to_owned());
    }
    if let Some((_, code)) = OS_ERRORS.iter().find(|(other, _)| *other == name) {
        return Some(format!(
            "MicroPython has no `{name}`: write `except OSError as error`, and compare `error.errno` with `errno.{code}`"
        ));
    }
    let (module, _) = MODULES.iter().find(|(_, names)| names.contains(&name))?;
    Some(format!("write `from {module} import {name}`"))
}
