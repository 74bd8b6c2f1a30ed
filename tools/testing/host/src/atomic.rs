// SPDX-License-Identifier: GPL-2.0

//! The atomics of the module's files, here those of the machine or of the model checker.

#[cfg(not(feature = "loom"))]
pub(crate) use std::sync::atomic::{fence, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

#[cfg(feature = "loom")]
pub(crate) use checked::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64};
#[cfg(feature = "loom")]
pub(crate) use loom::sync::atomic::{fence, Ordering};

/// Atomics that loom explores in full.
///
/// To find out which operations to try in another order, loom compares a store with the last access
/// to the same atomic only. Where that is a load by the storing thread itself, as before any
/// compare-and-exchange, it overlooks the load of another thread before. So each operation here
/// first stores to a companion, in which all conflict with all. A relaxed store that nobody loads
/// orders nothing.
#[cfg(feature = "loom")]
mod checked {
    use loom::sync::atomic::{self as unchecked, AtomicUsize, Ordering};

    struct Checked<A> {
        atomic: A,
        companion: AtomicUsize,
    }

    impl<A> Checked<A> {
        fn new(atomic: A) -> Self {
            Self {
                atomic,
                companion: AtomicUsize::new(0),
            }
        }

        fn next(&self) -> &A {
            self.companion.store(0, Ordering::Relaxed);
            &self.atomic
        }
    }

    macro_rules! checked {
        ($name:ident$(<$t:ident>)?, $value:ty, $($op:ident($($arg:ident: $type:ty),*) $(-> $ret:ty)?;)*) => {
            pub(crate) struct $name$(<$t>)?(Checked<unchecked::$name$(<$t>)?>);

            impl$(<$t>)? $name$(<$t>)? {
                pub(crate) fn new(value: $value) -> Self {
                    Self(Checked::new(unchecked::$name::new(value)))
                }

                $(pub(crate) fn $op(&self, $($arg: $type),*) $(-> $ret)? {
                    self.0.next().$op($($arg),*)
                })*
            }
        };
    }

    checked!(AtomicBool, bool,
        load(order: Ordering) -> bool;
        store(value: bool, order: Ordering);
    );
    checked!(AtomicU32, u32,
        load(order: Ordering) -> u32;
        store(value: u32, order: Ordering);
        fetch_add(value: u32, order: Ordering) -> u32;
        compare_exchange(
            current: u32, new: u32, success: Ordering, failure: Ordering
        ) -> Result<u32, u32>;
    );
    checked!(AtomicU64, u64,
        load(order: Ordering) -> u64;
        store(value: u64, order: Ordering);
        compare_exchange(
            current: u64, new: u64, success: Ordering, failure: Ordering
        ) -> Result<u64, u64>;
    );
    checked!(AtomicPtr<T>, *mut T,
        load(order: Ordering) -> *mut T;
        store(value: *mut T, order: Ordering);
        swap(value: *mut T, order: Ordering) -> *mut T;
        compare_exchange_weak(
            current: *mut T, new: *mut T, success: Ordering, failure: Ordering
        ) -> Result<*mut T, *mut T>;
    );
}
