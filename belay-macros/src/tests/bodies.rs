//! Errors and warnings about bodies.

use quote::quote;

use super::expand;

/// The expansion of a trait with a setup and a task that have these bodies.
fn with_bodies(setup: &str, task: &str) -> String {
    let item = quote! {
        trait Board {
            #[doc = #setup]
            #[setup]
            async fn open(&self, gain: u8) -> Result<()>;

            #[doc = #task]
            #[task]
            async fn read(&self, _mode: u8) -> Result<()>;
        }
    };
    expand(item)
}

/// Expects an error or a warning about the task's body that contains each of these pieces of text.
fn expect_told(setup: &str, task: &str, pieces: &[&str]) {
    let expansion = with_bodies(setup, task);
    for piece in pieces {
        assert!(
            expansion.contains(piece),
            "{task:?} is not told of with {piece:?}: {expansion}"
        );
    }
}

fn expect_silence(setup: &str, task: &str) {
    let expansion = with_bodies(setup, task);
    let told = expansion.contains("deprecated") || expansion.contains("compile_error");
    assert!(!told, "{task:?} is told of: {expansion}");
}

#[test]
fn a_local_that_seems_to_be_the_global_of_a_setup_is_warned_of() {
    let setup = "mode = gain\ncounter = 0\nfor i in range(3):\n    pass";
    let told = [
        "the global that the setup `open` defines",
        "write `global mode` above",
        "deprecated",
    ];
    expect_told(setup, "mode = 5", &told);
    expect_told(setup, "gain = 5", &["write `global gain` above"]);
    expect_told(setup, "counter += 1", &["write `global counter` above"]);
    expect_told(
        setup,
        "if (counter := 5): pass",
        &["write `global counter` above"],
    );
    expect_told(
        setup,
        "def inner():\n    counter += 1\ninner()",
        &["write `global counter` above"],
    );
    expect_silence(setup, "global mode\nmode = 5");
    expect_silence(setup, "i = 5");
    expect_silence(setup, "for mode in (1, 2): pass");
    expect_silence(setup, "def inner(mode):\n    return mode\ninner(1)");
    expect_silence(setup, "def inner():\n    mode = 1\n    return mode\ninner()");
}

#[test]
fn a_callback_in_a_setup_that_counts_a_global_without_saying_so_is_warned_of() {
    let setup = "count = gain\ndef pressed(pin):\n    count += 1\n";
    expect_told(setup, "print(count)", &["write `global count` above"]);
    let setup = "count = gain\ndef pressed(pin):\n    global count\n    count += 1\n";
    expect_silence(setup, "print(count)");
}

#[test]
fn a_global_that_is_the_function_of_a_task_cannot_be_assigned() {
    let told = ["the function of the task `read`", "compile_error"];
    expect_told("g = gain", "global read\nread = 5", &told);
    expect_told("def f():\n    global read\n    read = gain", "pass", &told);
    expect_silence("g = gain", "read = 5");
}

#[test]
fn what_never_waits_and_what_is_never_received_is_an_error() {
    expect_told(
        "g = gain",
        "def f():\n    await g.wait()\nf()",
        &["`await` outside an `async def`", "asyncio.run"],
    );
    for body in [
        "await gain.wait()",
        "async with gain: pass",
        "async for _ in gain: pass",
    ] {
        expect_told(body, "pass", &["nothing can `await`", "asyncio.run"]);
        expect_silence("g = gain", &body.replace("gain", "g"));
        expect_told(
            "g = gain",
            &format!("yield 1\n{body}"),
            &["a generator cannot `await`"],
        );
    }
    let expansion = expand(quote! {
        trait Board {
            #[doc = "x = 0\nwhile x < 3:\n    x = yield x"]
            #[task]
            fn count(&self) -> impl Stream<Item = Result<u8>>;
        }
    });
    assert!(
        expansion.contains("this `yield` always gives `None`"),
        "{expansion}"
    );
}

#[test]
fn a_call_that_only_makes_a_coroutine_is_warned_of() {
    let setup = "import asyncio\ng = gain\nasync def blink():\n    pass\ndef beep():\n    pass";
    let told = [
        "the `async def` `blink` runs nothing of it",
        "`asyncio.run(blink(…))`",
        "deprecated",
    ];
    expect_told(setup, "blink()", &told);
    expect_told(
        setup,
        "async def main():\n    blink()\nasyncio.run(main())",
        &told,
    );
    expect_told(setup, "def later(pin):\n    blink()\nlater(1)", &told);
    expect_told("g = gain", "async def blink():\n    pass\nblink()", &told);
    expect_told("g = gain\nasync def blink():\n    pass\nblink()", "pass", &told);
    for task in [
        "asyncio.run(blink())",
        "beep()",
        "g.blink()",
        "async def main():\n    await blink()\n    asyncio.create_task(blink())\nasyncio.run(main())",
        "def inner(blink):\n    blink()\ninner(beep)",
        "blink = beep\nblink()",
        "def blink():\n    pass\nblink()",
        "class A:\n    async def beep(self):\n        pass\nbeep()\nA()",
        "def start(f):\n    return beep\n@start\nasync def run():\n    pass\nrun()",
    ] {
        let expansion = with_bodies(setup, task);
        assert!(
            !expansion.contains("runs nothing of it"),
            "{task:?} is told of: {expansion}"
        );
    }
}

#[test]
fn a_name_that_is_missing_is_told_with_what_to_write() {
    let setup = "led = gain\n_ADDR = const(0x40)";
    for (task, help) in [
        ("x = true", "help: write `True`"),
        ("x = none", "help: write `None`"),
        ("self.led.on()", "a body has no `self`"),
        ("adc = ADC(4)", "write `from machine import ADC`"),
        ("math.sqrt(2)", "write `import math`"),
        ("math.pi", "write `import math`"),
        (
            "sensor.read()",
            "define it in a setup such as `open`: `sensor = …`",
        ),
        ("leb.on()", "did you mean `led`?"),
        ("pritn(1)", "did you mean `print`?"),
        ("Print(1)", "did you mean `print`?"),
        (
            "try: pass\nexcept FileNotFoundError: pass",
            "compare `error.errno` with `errno.ENOENT`",
        ),
        ("try: pass\nexcept TimeoutError: pass", "errno.ETIMEDOUT"),
        ("try: pass\nexcept IOError: pass", "write `OSError`"),
        ("aiter(led)", "MicroPython has no `aiter`"),
        ("print(_ADDR)", "in the setup `open`, name it `ADDR`"),
        ("x = f(const(5))", "write `from micropython import const`"),
    ] {
        expect_told(setup, task, &[help]);
    }
    for task in ["lcd.on()", "typ.on()", "hlp.on()"] {
        let expansion = with_bodies("g = gain", task);
        assert!(!expansion.contains("did you mean"), "{task}: {expansion}");
    }
}

#[test]
fn the_words_of_a_state_machine_are_not_warned_of() {
    expect_silence(
        "import rp2\n@rp2.asm_pio()\ndef blink():\n    wrap_target()\n    set(pins, 1)[31]\n    nop()\n    wrap()\ng = gain",
        "pass",
    );
}

#[test]
fn a_description_that_is_python_by_chance_is_no_body() {
    for words in [
        "Blink",
        "temperature, humidity",
        "on/off",
        "not ready",
        "led.on",
        "Blink\nagain",
    ] {
        expect_told(
            "g = gain",
            words,
            &["as Python it does nothing", "```python block"],
        );
    }
    for body in ["pass", "...", "g.on()", "```python\ng\n```"] {
        let expansion = with_bodies("g = gain", body);
        assert!(!expansion.contains("compile_error"), "{body}: {expansion}");
    }
}
