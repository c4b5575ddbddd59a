//! From text to a query.

use serde_json::Value;

use super::{
    Refused,
    token::{Kind, Token, tokens},
};

/// A name and its place in the text.
pub(super) type Name = (String, usize);

#[derive(Debug)]
pub(super) struct Query {
    pub(super) fields: Fields,
    pub(super) object: Name,
    pub(super) conditions: Vec<Condition>,
    /// Whether one condition that holds is enough.
    pub(super) any: bool,
    /// The fields to sort by, and whether descending.
    pub(super) order: Vec<(Name, bool)>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

#[derive(Debug)]
pub(super) enum Fields {
    Count,
    Named(Vec<Name>),
}

#[derive(Debug)]
pub(super) struct Condition {
    pub(super) field: Name,
    pub(super) operator: Operator,
    pub(super) values: Vec<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Like,
    In,
    NotIn,
}

pub(super) fn parse(text: &str) -> Result<Query, Refused> {
    let tokens = tokens(text)?;
    Parser {
        text,
        rest: &tokens,
    }
    .query()
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a [Token],
}

impl Parser<'_> {
    fn query(mut self) -> Result<Query, Refused> {
        self.must_take("SELECT")?;
        let fields = self.fields()?;
        self.must_take("FROM")?;
        let object = self.name()?;
        let (mut conditions, mut any) = (Vec::new(), false);
        if self.takes("WHERE") {
            conditions.push(self.condition()?);
            any = self.is_next("OR");
            let joint = if any { "OR" } else { "AND" };
            while self.takes(joint) {
                conditions.push(self.condition()?);
            }
        }
        let mut order = Vec::new();
        if self.takes("ORDER") {
            self.must_take("BY")?;
            order.push(self.order()?);
            while self.takes_sign(",") {
                order.push(self.order()?);
            }
        }
        let limit = if self.takes("LIMIT") {
            Some(self.number()?)
        } else {
            None
        };
        let offset = if self.takes("OFFSET") {
            self.number()?
        } else {
            0
        };
        if !self.rest.is_empty() {
            return Err(self.unexpected());
        }
        Ok(Query {
            fields,
            object,
            conditions,
            any,
            order,
            limit,
            offset,
        })
    }

    fn fields(&mut self) -> Result<Fields, Refused> {
        let first = self.name()?;
        if first.0.eq_ignore_ascii_case("COUNT") && self.takes_sign("(") {
            self.must_take_sign(")")?;
            return Ok(Fields::Count);
        }
        let mut names = vec![first];
        while self.takes_sign(",") {
            names.push(self.name()?);
        }
        Ok(Fields::Named(names))
    }

    fn condition(&mut self) -> Result<Condition, Refused> {
        let field = self.name()?;
        let operator = if self.takes_sign("=") {
            Operator::Equal
        } else if self.takes_sign("!=") {
            Operator::NotEqual
        } else if self.takes("LIKE") {
            Operator::Like
        } else if self.takes("IN") {
            Operator::In
        } else if self.takes("NOT") {
            self.must_take("IN")?;
            Operator::NotIn
        } else {
            return Err(self.unexpected());
        };
        let mut values = Vec::new();
        if matches!(operator, Operator::In | Operator::NotIn) {
            self.must_take_sign("(")?;
            values.push(self.value()?);
            while self.takes_sign(",") {
                values.push(self.value()?);
            }
            self.must_take_sign(")")?;
        } else {
            values.push(self.value()?);
        }
        Ok(Condition {
            field,
            operator,
            values,
        })
    }

    fn order(&mut self) -> Result<(Name, bool), Refused> {
        let field = self.name()?;
        let descending = self.takes("DESC");
        if !descending {
            self.takes("ASC");
        }
        Ok((field, descending))
    }

    fn value(&mut self) -> Result<Value, Refused> {
        let value = match self.rest.first().map(|token| &token.kind) {
            Some(Kind::Text(text)) => Value::from(text.clone()),
            Some(Kind::Word(word)) => match word.to_ascii_lowercase().as_str() {
                "true" => Value::from(true),
                "false" => Value::from(false),
                "null" => Value::Null,
                _ => return Err(self.unexpected()),
            },
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(value)
    }

    fn number(&mut self) -> Result<usize, Refused> {
        let number = match self.rest.first().map(|token| &token.kind) {
            Some(Kind::Word(word)) => word.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| self.unexpected())?;
        self.advance();
        Ok(number)
    }

    fn name(&mut self) -> Result<Name, Refused> {
        let name = match self.rest.first() {
            Some(Token {
                kind: Kind::Word(word),
                at,
            }) => (word.clone(), *at),
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(name)
    }

    fn is_next(&self, keyword: &str) -> bool {
        matches!(self.rest.first(), Some(Token { kind: Kind::Word(word), .. }) if word.eq_ignore_ascii_case(keyword))
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let is_next = self.is_next(keyword);
        if is_next {
            self.advance();
        }
        is_next
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let is_next = matches!(self.rest.first(), Some(Token { kind: Kind::Sign(next), .. }) if *next == sign);
        if is_next {
            self.advance();
        }
        is_next
    }

    fn must_take(&mut self, keyword: &str) -> Result<(), Refused> {
        if self.takes(keyword) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    fn must_take_sign(&mut self, sign: &str) -> Result<(), Refused> {
        if self.takes_sign(sign) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    fn advance(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    fn unexpected(&self) -> Refused {
        let end = (self.text.chars().count(), "<EOF>".into());
        let (at, shown) = self
            .rest
            .first()
            .map_or(end, |token| (token.at, token.shown()));
        let what = format!("unexpected token: '{shown}'");
        Refused::new("MALFORMED_QUERY", self.text, at, what)
    }
}
