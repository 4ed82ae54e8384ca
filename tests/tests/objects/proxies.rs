//! What the tests of other libraries do with proxies, done with handles.

use super::*;

async fn device() -> (Board, Device) {
    let (board, device) = connected_with(|builder| builder).await;
    let source = "class Klass:\n    foo = 1\n    some_dict = {'a': 1, 'b': 2, 'c': 3}\n    \
                  def double(self, value):\n        return 2 * value\nklass = Klass()\n";
    device.execute(source).await.unwrap();
    (board, device)
}

fn raised(error: &Error) -> &str {
    error.exception().map_or("nothing", |raised| &raised.type_name)
}

#[tokio::test]
async fn attributes_are_read_set_and_added() {
    let (_board, device) = device().await;
    let klass: Remote = device.execute_as("klass").await.unwrap();
    assert_eq!(klass.get::<u8>("foo").await.unwrap(), 1);
    assert_eq!(klass.call::<u8>("double", (3,)).await.unwrap(), 6);
    klass.set("foo", &4).await.unwrap();
    klass.set("baz", &100).await.unwrap();
    assert_eq!(
        device
            .execute_as::<(u8, u8)>("(klass.foo, klass.baz)")
            .await
            .unwrap(),
        (4, 100)
    );
    assert_eq!(
        raised(&klass.get::<u8>("non_existant").await.unwrap_err()),
        "AttributeError"
    );
    // The requested type decides whether the value itself is sent or a handle.
    let foo: Remote = klass.get("foo").await.unwrap();
    assert_eq!(foo.value::<u8>().await.unwrap(), 4);
    assert_eq!(foo.repr().await.unwrap(), "4");
}

#[tokio::test]
async fn what_dir_keys_and_values_give_is_read() {
    let (_board, device) = device().await;
    let klass: Remote = device.execute_as("klass").await.unwrap();
    let names: Remote = device.execute_as("dir(klass)").await.unwrap();
    assert!(
        names
            .value::<Vec<String>>()
            .await
            .unwrap()
            .contains(&"some_dict".to_owned())
    );
    let dict: Remote = klass.get("some_dict").await.unwrap();
    let mut keys: Vec<String> = dict.call("keys", ()).await.unwrap();
    keys.sort();
    assert_eq!(keys, ["a", "b", "c"]);
    let values: Remote = dict.call("values", ()).await.unwrap();
    let mut values: Vec<u8> = values.iter::<u8>().try_collect().await.unwrap();
    values.sort_unstable();
    assert_eq!(values, [1, 2, 3]);
}

#[tokio::test]
async fn items_are_read_and_set_and_slices_taken() {
    let (_board, device) = device().await;
    let list: Remote = device.execute_as("[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]").await.unwrap();
    assert_eq!(list.len().await.unwrap(), 10);
    assert_eq!(list.item::<u8>(&-1).await.unwrap(), 9);
    list.set_item(&1, &99).await.unwrap();
    assert_eq!(list.item::<u8>(&1).await.unwrap(), 99);
    assert_eq!(raised(&list.item::<u8>(&100).await.unwrap_err()), "IndexError");
    // MicroPython can create a slice only by its syntax.
    let slice: Remote = device
        .execute_as("lambda list, a, b, c: list[a:b:c]")
        .await
        .unwrap();
    for (from, to, step, expected) in [
        (Some(2), Some(5), None, vec![2, 3, 4]),
        (None, Some(-7), None, vec![0, 99, 2]),
        (Some(-3), None, None, vec![7, 8, 9]),
        (Some(2), Some(8), Some(2), vec![2, 4, 6]),
    ] {
        let part: Remote = slice.invoke((&list, from, to, step)).await.unwrap();
        assert_eq!(part.value::<Vec<u8>>().await.unwrap(), expected);
    }
    let dict: Remote = device.execute_as("{'a': 1}").await.unwrap();
    dict.set_item("a", &999).await.unwrap();
    assert_eq!(dict.item::<u16>("a").await.unwrap(), 999);
    assert_eq!(raised(&dict.item::<u8>("no").await.unwrap_err()), "KeyError");
    assert!(dict.contains("a").await.unwrap() && !dict.contains("z").await.unwrap());
}

#[tokio::test]
async fn comparisons_and_hashes_are_those_of_the_object() {
    let (_board, device) = device().await;
    let five: Remote = device.execute_as("5").await.unwrap();
    let ten: Remote = device.execute_as("10").await.unwrap();
    for (operation, holds) in [("__lt__", true), ("__gt__", false), ("__eq__", false)] {
        let expression = format!(
            "lambda a, b: a {} b",
            match operation {
                "__lt__" => "<",
                "__gt__" => ">",
                _ => "==",
            }
        );
        let compare: Remote = device.execute_as(&expression).await.unwrap();
        assert_eq!(
            compare.invoke::<bool>((&five, &ten)).await.unwrap(),
            holds,
            "{operation}"
        );
        assert!(!compare.invoke::<bool>((&five, 5)).await.unwrap() || operation == "__eq__");
    }
    let hash: Remote = device.execute_as("hash").await.unwrap();
    let tuple: Remote = device.execute_as("(1, 2, 3)").await.unwrap();
    let expected: i64 = device.execute_as("hash((1, 2, 3))").await.unwrap();
    assert_eq!(hash.invoke::<i64>((&tuple,)).await.unwrap(), expected);
    assert_eq!(raised(&five.invoke::<u8>(()).await.unwrap_err()), "TypeError");
}

#[tokio::test]
async fn objects_are_arguments_values_keys_and_indices() {
    let (_board, device) = device().await;
    let list: Remote = device.execute_as("[None, None, None]").await.unwrap();
    let inner: Remote = device.execute_as("{'value': 1}").await.unwrap();
    let index: Remote = device.execute_as("1").await.unwrap();
    list.set_item(&index, &inner).await.unwrap();
    list.call::<()>("append", (&inner,)).await.unwrap();
    inner.set_item("value", &2).await.unwrap();
    let all: Vec<Option<BTreeMap<String, u8>>> = list.value().await.unwrap();
    let two = Some(BTreeMap::from([("value".to_owned(), 2)]));
    assert_eq!(all, [None, two.clone(), None, two], "it is the same object");
    let dict: Remote = device.execute_as("{}").await.unwrap();
    let key: Remote = device.execute_as("'key'").await.unwrap();
    dict.set_item(&key, &inner).await.unwrap();
    assert_eq!(
        dict.item::<BTreeMap<String, u8>>("key").await.unwrap()["value"],
        2
    );
    let klass: Remote = device.execute_as("klass").await.unwrap();
    klass.set("config", &inner).await.unwrap();
    assert_eq!(device.execute_as::<u8>("klass.config['value']").await.unwrap(), 2);
}

#[tokio::test]
async fn what_is_nested_is_had_as_objects_or_as_values() {
    let (_board, device) = device().await;
    let root: Remote = device
        .execute_as("{'list': [1, [3, 4]], 'dict': {'inner': {'value': 42}}}")
        .await
        .unwrap();
    let list: Remote = root.item("list").await.unwrap();
    assert_eq!(list.item::<u8>(&0).await.unwrap(), 1);
    assert_eq!(list.item::<Vec<u8>>(&1).await.unwrap(), [3, 4]);
    let inner: Remote = list.item(&1).await.unwrap();
    inner.call::<()>("append", (5,)).await.unwrap();
    assert_eq!(list.value::<(u8, Vec<u8>)>().await.unwrap(), (1, vec![3, 4, 5]));
    let dict: Remote = root
        .item::<Remote>("dict")
        .await
        .unwrap()
        .item("inner")
        .await
        .unwrap();
    assert_eq!(dict.item::<u8>("value").await.unwrap(), 42);
}

#[tokio::test]
async fn modules_and_what_is_in_them_are_objects_and_a_name_outlives_its_handle() {
    let (_board, device) = device().await;
    device.execute("import math\nkept = [4, 5, 6]").await.unwrap();
    let (sin, pi): (Remote, f64) = device.execute_as("(math.sin, math.pi)").await.unwrap();
    assert_eq!(sin.invoke::<f64>((0,)).await.unwrap().to_bits(), 0_f64.to_bits());
    assert!((pi - std::f64::consts::PI).abs() < 0.001);
    let kept: Remote = device.execute_as("kept").await.unwrap();
    drop((kept, sin));
    assert_eq!(device.execute_as::<Vec<u8>>("kept").await.unwrap(), [4, 5, 6]);
}
