//! The events that metatables can define.

macro_rules! metamethods {
    ($($name:ident $text:literal;)*) => {
        /// A metamethod (or other key that the implementation looks up in metatables).
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum Metamethod { $(#[doc = concat!("`", $text, "`")] $name,)* }
        const ALL: &[Metamethod] = &[$(Metamethod::$name),*];
        impl Metamethod {
            /// Its key in the metatable.
            pub const fn name(self) -> &'static str { match self { $(Metamethod::$name => $text),* } }
        }
    };
}
metamethods! {
    Index "__index"; NewIndex "__newindex"; Call "__call"; Add "__add"; Sub "__sub"; Mul "__mul"; Mod "__mod"; Pow "__pow";
    Div "__div"; IDiv "__idiv"; BAnd "__band"; BOr "__bor"; BXor "__bxor"; Shl "__shl"; Shr "__shr"; Unm "__unm";
    BNot "__bnot"; Concat "__concat"; Len "__len"; Eq "__eq"; Lt "__lt"; Le "__le"; Close "__close"; Gc "__gc"; Mode "__mode";
    Name "__name"; ToString "__tostring"; Pairs "__pairs"; Metatable "__metatable";
}

/// Number of metamethods.
pub const METAMETHODS: usize = ALL.len();

impl Metamethod {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Metamethod> {
        ALL.iter().copied()
    }
}

const _: () = assert!(METAMETHODS < 32);
