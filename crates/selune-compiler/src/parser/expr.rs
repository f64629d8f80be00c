//! Expressions.
use super::Parser;
use crate::ast::*;
use crate::error::Result;
use crate::fold;
use crate::intern::StrId;
use crate::token::Tok;

/// Priority of unary operators.
const UNARY_PRIORITY: u8 = 12;

/// The operator of a token with its left and right priority.
fn binary_operator(tok: Tok) -> Option<(BinOp, u8, u8)> {
    Some(match tok {
        Tok::Char(c) => match c {
            b'+' => (BinOp::Add, 10, 10),
            b'-' => (BinOp::Sub, 10, 10),
            b'*' => (BinOp::Mul, 11, 11),
            b'%' => (BinOp::Mod, 11, 11),
            b'^' => (BinOp::Pow, 14, 13),
            b'/' => (BinOp::Div, 11, 11),
            b'&' => (BinOp::BAnd, 6, 6),
            b'|' => (BinOp::BOr, 4, 4),
            b'~' => (BinOp::BXor, 5, 5),
            b'<' => (BinOp::Lt, 3, 3),
            b'>' => (BinOp::Gt, 3, 3),
            _ => return None,
        },
        Tok::IDiv => (BinOp::IDiv, 11, 11),
        Tok::Shl => (BinOp::Shl, 7, 7),
        Tok::Shr => (BinOp::Shr, 7, 7),
        Tok::Concat => (BinOp::Concat, 9, 8),
        Tok::Eq => (BinOp::Eq, 3, 3),
        Tok::Ne => (BinOp::Ne, 3, 3),
        Tok::Le => (BinOp::Le, 3, 3),
        Tok::Ge => (BinOp::Ge, 3, 3),
        Tok::And => (BinOp::And, 2, 2),
        Tok::Or => (BinOp::Or, 1, 1),
        _ => return None,
    })
}

fn unary_operator(tok: Tok) -> Option<UnOp> {
    Some(match tok {
        Tok::Not => UnOp::Not,
        Tok::Char(b'-') => UnOp::Neg,
        Tok::Char(b'~') => UnOp::BNot,
        Tok::Char(b'#') => UnOp::Len,
        _ => return None,
    })
}

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Result<ExprId> {
        self.sub_expr(0)
    }

    /// An expression whose binary operators all bind tighter than `limit`.
    fn sub_expr(&mut self, limit: u8) -> Result<ExprId> {
        self.enter_level()?;
        let mut lhs = match unary_operator(self.lex.tok) {
            Some(op) => {
                let line = self.lex.line;
                self.lex.next()?;
                let operand = self.sub_expr(UNARY_PRIORITY)?;
                match fold::unary(op, self.ast.expr(operand)) {
                    Some(folded) => {
                        let end = self.ast.line(operand);
                        self.ast.add(folded, end)
                    }
                    None => self.ast.add(Expr::Unary { op, operand }, line),
                }
            }
            None => self.simple_expr()?,
        };
        while let Some((op, left, right)) = binary_operator(self.lex.tok)
            && left > limit
        {
            let line = self.lex.line;
            self.lex.next()?;
            self.probe_after(lhs);
            let rhs = self.sub_expr(right)?;
            lhs = fold::binary(&mut self.ast, op, lhs, rhs, line);
        }
        self.leave_level();
        Ok(lhs)
    }

    fn simple_expr(&mut self) -> Result<ExprId> {
        let expr = match self.lex.tok {
            Tok::Float(f) => Expr::Float(f),
            Tok::Int(i) => Expr::Int(i),
            Tok::Str(s) => Expr::Str(s),
            Tok::Nil => Expr::Nil,
            Tok::True => Expr::True,
            Tok::False => Expr::False,
            Tok::Dots => {
                if self.func().vararg_line.is_none() {
                    return Err(self.lex.syntax_error("cannot use '...' outside a vararg function"));
                }
                Expr::Vararg
            }
            Tok::Char(b'{') => return self.table(),
            Tok::Function => {
                self.lex.next()?;
                let line = self.lex.line;
                return self.function_body(false, line);
            }
            _ => return self.suffixed_expr(),
        };
        self.lex.next()?;
        Ok(self.ast.add(expr, self.lex.last_line))
    }

    fn primary_expr(&mut self) -> Result<ExprId> {
        match self.lex.tok {
            Tok::Name(name) => {
                self.lex.next()?;
                let line = self.lex.last_line;
                self.resolve(name, line)
            }
            Tok::Char(b'(') => {
                let line = self.lex.line;
                self.lex.next()?;
                let e = self.expr()?;
                self.expect_match(Tok::Char(b')'), Tok::Char(b'('), line)?;
                self.constant_use = None;
                let inside = match self.ast.expr(e) {
                    c @ (Expr::Nil | Expr::True | Expr::False | Expr::Int(_) | Expr::Float(_) | Expr::Str(_)) => c,
                    _ => Expr::Paren(e),
                };
                Ok(self.ast.add(inside, self.lex.last_line))
            }
            _ => Err(self.lex.syntax_error("unexpected symbol")),
        }
    }

    /// A name or parenthesised expression with any number of indices and calls.
    pub(super) fn suffixed_expr(&mut self) -> Result<ExprId> {
        let mut e = self.primary_expr()?;
        loop {
            self.probe_after(e);
            e = match self.lex.tok {
                Tok::Char(b'.') => self.field_of(e)?,
                Tok::Char(b'[') => {
                    let key = self.bracketed_key()?;
                    self.ast.add(Expr::Index { object: e, key }, self.lex.last_line)
                }
                Tok::Char(b':') => {
                    self.lex.next()?;
                    let name = self.name()?;
                    let name = self.ast.add(Expr::Str(name), self.lex.last_line);
                    self.probe_after(e);
                    let (args, open_line) = self.call_args()?;
                    self.ast.add(Expr::Method { object: e, name, args, open_line }, self.lex.last_line)
                }
                Tok::Char(b'(' | b'{') | Tok::Str(_) => {
                    let (args, open_line) = self.call_args()?;
                    self.ast.add(Expr::Call { callee: e, args, open_line }, self.lex.last_line)
                }
                _ => return Ok(e),
            };
        }
    }

    /// At the `.` or `:` before a name.
    fn field_of(&mut self, object: ExprId) -> Result<ExprId> {
        self.lex.next()?;
        let name = self.name()?;
        let line = self.lex.last_line;
        let key = self.ast.add(Expr::Str(name), line);
        Ok(self.ast.add(Expr::Index { object, key }, line))
    }

    fn bracketed_key(&mut self) -> Result<ExprId> {
        self.lex.next()?;
        let key = self.expr()?;
        self.expect(Tok::Char(b']'))?;
        Ok(key)
    }

    /// The arguments of a call and the line where they start.
    fn call_args(&mut self) -> Result<(List, u32)> {
        let line = self.lex.line;
        let mark = self.items.len();
        match self.lex.tok {
            Tok::Char(b'(') => {
                self.lex.next()?;
                if !self.at(b')') {
                    self.gather_exprs()?;
                }
                self.expect_match(Tok::Char(b')'), Tok::Char(b'('), line)?;
                let end_line = self.lex.last_line;
                if let Some(last) = self.items[mark..].last_mut() {
                    last.sep_line = end_line;
                    let last = last.expr;
                    self.probe_after(last);
                }
            }
            Tok::Char(b'{') => {
                let expr = self.table()?;
                self.items.push(Item { expr, sep_line: 0 });
            }
            Tok::Str(s) => {
                self.lex.next()?;
                let expr = self.ast.add(Expr::Str(s), self.lex.last_line);
                self.items.push(Item { expr, sep_line: 0 });
            }
            _ => return Err(self.lex.syntax_error("function arguments expected")),
        }
        Ok((take_list(&mut self.ast.items, &mut self.items, mark), line))
    }

    /// Reads expressions separated by commas onto the scratch stack.
    fn gather_exprs(&mut self) -> Result<()> {
        loop {
            let expr = self.expr()?;
            self.items.push(Item { expr, sep_line: 0 });
            self.probe_after(expr);
            if !self.accept(Tok::Char(b','))? {
                return Ok(());
            }
            self.probe_after(expr);
            self.items.last_mut().expect("an expression").sep_line = self.lex.last_line;
        }
    }

    /// One or more expressions.
    pub(super) fn expr_list(&mut self) -> Result<List> {
        let mark = self.items.len();
        self.gather_exprs()?;
        Ok(take_list(&mut self.ast.items, &mut self.items, mark))
    }

    fn table(&mut self) -> Result<ExprId> {
        let open_line = self.lex.line;
        let mark = self.fields.len();
        self.expect(Tok::Char(b'{'))?;
        while !self.at(b'}') {
            let field = self.table_field()?;
            self.fields.push(field);
            if !self.accept(Tok::Char(b','))? && !self.accept(Tok::Char(b';'))? {
                break;
            }
            self.fields.last_mut().expect("a field").sep_line = self.lex.last_line;
            self.probe_after(field.value);
        }
        self.expect_match(Tok::Char(b'}'), Tok::Char(b'{'), open_line)?;
        let line = self.lex.last_line;
        // PUC keeps the last list element pending until it has read the closing brace.
        if let Some(last) = self.fields[mark..].last_mut() {
            last.sep_line = line;
        }
        let fields = take_list(&mut self.ast.fields, &mut self.fields, mark);
        Ok(self.ast.add(Expr::Table { fields, open_line }, line))
    }

    fn table_field(&mut self) -> Result<Field> {
        let token = self.lex.tok;
        let key = match token {
            Tok::Name(name) => {
                if self.lex.look_ahead()? == Tok::Char(b'=') {
                    self.lex.next()?;
                    Some(self.ast.add(Expr::Str(name), self.lex.last_line))
                } else {
                    None
                }
            }
            Tok::Char(b'[') => Some(self.bracketed_key()?),
            _ => None,
        };
        if key.is_some() {
            self.expect(Tok::Char(b'='))?;
        }
        Ok(Field { key, value: self.expr()?, sep_line: 0 })
    }

    /// The target of a `function` statement; true when it is a method.
    pub(super) fn function_name(&mut self) -> Result<(ExprId, bool)> {
        let name = self.name()?;
        let line = self.lex.last_line;
        let mut target = self.resolve(name, line)?;
        while self.at(b'.') {
            target = self.field_of(target)?;
        }
        let method = self.at(b':');
        if method {
            target = self.field_of(target)?;
        }
        Ok((target, method))
    }

    /// Parameters and body of a function, from `(` to `end`.
    pub(super) fn function_body(&mut self, method: bool, line: u32) -> Result<ExprId> {
        let id = self.open_function(line);
        self.expect(Tok::Char(b'('))?;
        if method {
            self.declare(StrId::SELF)?;
            self.activate(1);
        }
        self.parameters()?;
        self.expect(Tok::Char(b')'))?;
        let block = self.block_statements()?;
        let last_line = self.lex.line;
        self.expect_match(Tok::End, Tok::Function, line)?;
        let return_line = self.lex.last_line;
        self.close_function(block, last_line, return_line)?;
        Ok(self.ast.add(Expr::Function(id), return_line))
    }

    fn parameters(&mut self) -> Result<()> {
        let mut count = 0;
        if !self.at(b')') {
            loop {
                match self.lex.tok {
                    Tok::Name(name) => {
                        self.lex.next()?;
                        self.declare(name)?;
                        count += 1;
                    }
                    Tok::Dots => {
                        self.lex.next()?;
                        self.func().vararg_line = Some(self.lex.last_line);
                        break;
                    }
                    _ => return Err(self.lex.syntax_error("<name> or '...' expected")),
                }
                if !self.accept(Tok::Char(b','))? {
                    break;
                }
            }
        }
        self.activate(count);
        let f = self.func();
        f.params = f.visible as u32;
        Ok(())
    }
}
