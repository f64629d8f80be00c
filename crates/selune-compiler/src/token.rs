//! Tokens and their texts in messages.
use crate::intern::StrId;

macro_rules! words {
    ($($kw:ident $text:literal;)* -- $($op:ident $op_text:literal;)*) => {
        /// A token.
        #[derive(Clone, Copy, PartialEq, Debug)]
        pub enum Tok {
            $(#[doc = $text] $kw,)*
            $(#[doc = $op_text] $op,)*
            /// A symbol of one byte, or a byte that starts no token.
            Char(u8),
            /// The end of the source.
            Eos,
            /// A float.
            Float(f64),
            /// An integer.
            Int(i64),
            /// A name.
            Name(StrId),
            /// A string.
            Str(StrId),
        }
        /// The reserved words in the order of their `StrId`s.
        pub const KEYWORDS: [&str; 22] = [$($text),*];
        const KEYWORD_TOKENS: [Tok; 22] = [$(Tok::$kw),*];
        impl Tok {
            /// The token of a reserved word.
            pub fn keyword(id: StrId) -> Option<Tok> {
                KEYWORD_TOKENS.get(id.index()).copied()
            }
            /// The fixed text of reserved words and symbols of several bytes.
            fn text(self) -> Option<&'static str> {
                match self { $(Tok::$kw => Some($text),)* $(Tok::$op => Some($op_text),)* _ => None }
            }
        }
    };
}
words! {
    And "and"; Break "break"; Do "do"; Else "else"; ElseIf "elseif"; End "end"; False "false"; For "for";
    Function "function"; Goto "goto"; If "if"; In "in"; Local "local"; Nil "nil"; Not "not"; Or "or"; Repeat "repeat";
    Return "return"; Then "then"; True "true"; Until "until"; While "while";
    --
    IDiv "//"; Concat ".."; Dots "..."; Eq "=="; Ge ">="; Le "<="; Ne "~="; Shl "<<"; Shr ">>"; DbColon "::";
}

impl Tok {
    /// How "'x' expected" shows the token: quoted, or the name of a class.
    pub fn describe(self) -> String {
        match self {
            Tok::Char(c @ 0x20..=0x7E) => format!("'{}'", c as char),
            Tok::Char(c) => format!("'<\\{c}>'"),
            Tok::Eos => "<eof>".into(),
            Tok::Float(_) => "<number>".into(),
            Tok::Int(_) => "<integer>".into(),
            Tok::Name(_) => "<name>".into(),
            Tok::Str(_) => "<string>".into(),
            fixed => format!("'{}'", fixed.text().unwrap_or("?")),
        }
    }
}
