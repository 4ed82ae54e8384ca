//! A place where executors and programs keep things for each other, by type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Values that are shared by everything that works on a session, at most one of each type.
///
/// It outlives resets and reconnections, and belongs to the host alone: nothing in it is on the board.
#[derive(Default)]
pub struct SessionContext {
    values: RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl SessionContext {
    /// Keeps a value, and gives back the one of the same type that was kept before.
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

    /// The value of this type; if there is none, the one that `make` gives is kept. When several ask at once,
    /// all get the same one.
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

    /// Removes the value of this type, and gives it back.
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
