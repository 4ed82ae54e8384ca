//! A type-indexed store in which executors and programs share values.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Values that are shared by everything that works on a session, at most one of each type.
///
/// It survives resets and reconnections. Its values are on the host only.
#[derive(Default)]
pub struct SessionContext {
    values: RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl SessionContext {
    /// Stores a value, and returns the one of the same type that it replaces.
    pub fn insert<T: Any + Send + Sync>(&self, value: T) -> Option<Arc<T>> {
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        values
            .insert(TypeId::of::<T>(), Arc::new(value))
            .and_then(|old| old.downcast().ok())
    }

    /// The value of this type.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(values.get(&TypeId::of::<T>())?).downcast().ok()
    }

    /// The value of this type. If there is none, the one that `make` returns is stored. When several callers ask at
    /// once, all get the same value.
    pub fn get_or_insert_with<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(value) = self.get() {
            return value;
        }
        let fresh: Arc<T> = Arc::new(make());
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        let kept = values
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::clone(&fresh) as _);
        Arc::clone(kept).downcast().unwrap_or(fresh)
    }

    /// Removes the value of this type, and returns it.
    pub fn remove<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        values.remove(&TypeId::of::<T>())?.downcast().ok()
    }
}

impl fmt::Debug for SessionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("SessionContext")
            .field("values", &values.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_of_each_type_is_kept() {
        let context = SessionContext::default();
        assert!(context.insert(1_u8).is_none());
        assert!(context.insert("text").is_none());
        assert_eq!(context.insert(2_u8).as_deref(), Some(&1));
        assert_eq!(context.get::<u8>().as_deref(), Some(&2));
        assert_eq!(context.get::<&str>().as_deref(), Some(&"text"));
        assert_eq!(context.remove::<u8>().as_deref(), Some(&2));
        assert!(context.get::<u8>().is_none());
    }

    #[test]
    fn what_is_made_at_need_is_made_once() {
        let context = SessionContext::default();
        let first = context.get_or_insert_with(|| 1_u8);
        let second = context.get_or_insert_with(|| 2_u8);
        assert_eq!((*first, *second), (1, 1));
    }
}
