//! Constant folding, with PUC's rules: nothing that could raise an error, and no result that is NaN or a float zero
//! (the sign of zero must survive sharing of constants).
use crate::ast::{Ast, BinOp, Expr, ExprId, UnOp};
use selune_core::number::{self, Number};

fn numeral(e: Expr) -> Option<Number> {
    match e {
        Expr::Int(i) => Some(Number::Int(i)),
        Expr::Float(f) => Some(Number::Float(f)),
        _ => None,
    }
}

fn literal(n: Number) -> Option<Expr> {
    match n {
        Number::Int(i) => Some(Expr::Int(i)),
        Number::Float(f) if f.is_nan() || f == 0.0 => None,
        Number::Float(f) => Some(Expr::Float(f)),
    }
}

fn is_constant_true(e: Expr) -> bool {
    matches!(e, Expr::True | Expr::Int(_) | Expr::Float(_) | Expr::Str(_))
}

fn is_constant_false(e: Expr) -> bool {
    matches!(e, Expr::Nil | Expr::False)
}

fn arith(op: BinOp, a: Number, b: Number) -> Option<Number> {
    use Number::{Float, Int};
    let bits = |f: fn(i64, i64) -> i64| Some(Int(f(a.to_int()?, b.to_int()?)));
    let both = |int: fn(i64, i64) -> i64, float: fn(f64, f64) -> f64| {
        Some(match (a, b) {
            (Int(x), Int(y)) => Int(int(x, y)),
            _ => Float(float(a.to_float(), b.to_float())),
        })
    };
    if matches!(op, BinOp::Div | BinOp::IDiv | BinOp::Mod) && b.to_float() == 0.0 {
        return None;
    }
    match op {
        BinOp::Add => both(i64::wrapping_add, |x, y| x + y),
        BinOp::Sub => both(i64::wrapping_sub, |x, y| x - y),
        BinOp::Mul => both(i64::wrapping_mul, |x, y| x * y),
        BinOp::Mod => both(number::imod, number::fmod),
        BinOp::IDiv => both(number::idiv, number::fidiv),
        BinOp::Pow => Some(Float(number::pow(a.to_float(), b.to_float()))),
        BinOp::Div => Some(Float(a.to_float() / b.to_float())),
        BinOp::BAnd => bits(|x, y| x & y),
        BinOp::BOr => bits(|x, y| x | y),
        BinOp::BXor => bits(|x, y| x ^ y),
        BinOp::Shl => bits(number::shl),
        BinOp::Shr => bits(number::shr),
        _ => None,
    }
}

/// What `op operand` is known to be, if anything.
pub(crate) fn unary(op: UnOp, operand: Expr) -> Option<Expr> {
    match op {
        UnOp::Neg => match numeral(operand)? {
            Number::Int(i) => Some(Expr::Int(i.wrapping_neg())),
            Number::Float(f) => literal(Number::Float(-f)),
        },
        UnOp::BNot => Some(Expr::Int(!numeral(operand)?.to_int()?)),
        UnOp::Not if is_constant_true(operand) => Some(Expr::False),
        UnOp::Not if is_constant_false(operand) => Some(Expr::True),
        UnOp::Not | UnOp::Len => None,
    }
}

/// A binary operation, folded if possible.
pub(crate) fn binary(ast: &mut Ast, op: BinOp, lhs: ExprId, rhs: ExprId, line: u32) -> ExprId {
    let (a, b) = (ast.expr(lhs), ast.expr(rhs));
    let known = match op {
        BinOp::And => is_constant_true(a),
        BinOp::Or => is_constant_false(a),
        _ => false,
    };
    if known {
        return match b {
            Expr::Call { .. } | Expr::Method { .. } | Expr::Vararg => {
                let end = ast.line(rhs);
                ast.add(Expr::Paren(rhs), end)
            }
            _ => rhs,
        };
    }
    if let (Some(x), Some(y)) = (numeral(a), numeral(b))
        && let Some(folded) = arith(op, x, y).and_then(literal)
    {
        let end = ast.line(rhs);
        return ast.add(folded, end);
    }
    ast.add(Expr::Binary { op, lhs, rhs }, line)
}
