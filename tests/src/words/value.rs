//! Structured values from a fuzzer's bytes: any type that serde reads.
//!
//! A `Source` is a deserializer whose input decides: integers, ids, texts and blobs come mostly from
//! a [`Pool`] of what the machines have said and of edges, lengths are short, enum variants are any.
//! So every frame body, tell, row and reply that exists can be made, and later ones need nothing here.

use std::fmt;

use arbitrary::Unstructured;
use bytes::Bytes;
use presently_core::model::contact::Contact;
use presently_core::model::conversation::InboxItem;
use presently_core::model::entry::Entry;
use presently_core::model::presence::{Presence, Profile};
use presently_core::wire::record::Record;
use serde::Serialize;
use serde::de::value::U32Deserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, SeqAccess,
    VariantAccess, Visitor,
};

/// Values worth naming again: what came over links and trunks, and what stands at an edge.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Users, endpoints, conversations.
    pub ids: Vec<[u8; 16]>,
    /// Tickets, tokens, bodies.
    pub blobs: Vec<Bytes>,
    /// Counters, sequences, revisions, operations.
    pub numbers: Vec<u64>,
    /// Names, passwords.
    pub texts: Vec<String>,
}

/// Values of each kind that a pool keeps; a later one takes the place of an early one.
const POOL_MAX: usize = 64;

impl Default for Pool {
    fn default() -> Self {
        let long = "x".repeat(600);
        Self {
            ids: vec![[0; 16], [0xff; 16]],
            blobs: vec![Bytes::new(), Bytes::from_static(&[0xff; 40])],
            numbers: vec![0, 1, 2, 3, 255, 256, 1 << 32, (1 << 63) - 1, u64::MAX - 1, u64::MAX],
            texts: vec![String::new(), "hi".into(), "ü\u{7}".into(), long],
        }
    }
}

impl Pool {
    /// Remembers an id.
    pub fn id(&mut self, id: [u8; 16]) {
        keep(&mut self.ids, id);
    }

    /// Remembers a ticket or a token.
    pub fn blob(&mut self, blob: Bytes) {
        keep(&mut self.blobs, blob);
    }

    /// Remembers a number.
    pub fn number(&mut self, number: u64) {
        keep(&mut self.numbers, number);
    }

    /// Remembers a name.
    pub fn text(&mut self, text: &str) {
        keep(&mut self.texts, text.to_owned());
    }
}

fn keep<T: PartialEq>(all: &mut Vec<T>, one: T) {
    if all.contains(&one) {
        return;
    }
    if all.len() >= POOL_MAX {
        // The edges at the front stay.
        all.remove(POOL_MAX / 2);
    }
    all.push(one);
}

/// Nothing more to draw from, or a visitor that will not have what it got.
#[derive(Debug)]
pub struct Spent;

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no value can be made")
    }
}

impl std::error::Error for Spent {}

impl de::Error for Spent {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl From<arbitrary::Error> for Spent {
    fn from(_: arbitrary::Error) -> Self {
        Self
    }
}

/// Makes a value; `None` where none can be made of what is left.
pub fn any<T: DeserializeOwned>(from: &mut Unstructured<'_>, pool: &Pool) -> Option<T> {
    T::deserialize(&mut Source { from, pool, depth: 0 }).ok()
}

/// Items of one list at most: more would only repeat.
const ITEMS_MAX: u8 = 8;
/// Values inside of values: no type goes deeper, so that a new one that does is found.
const DEPTH_MAX: u32 = 64;

struct Source<'a, 'b> {
    from: &'a mut Unstructured<'b>,
    pool: &'a Pool,
    depth: u32,
}

impl Source<'_, '_> {
    fn byte(&mut self) -> Result<u8, Spent> {
        // An empty source gives zeros for ever: values end, and so must what is made of them.
        if self.from.is_empty() { Err(Spent) } else { Ok(self.from.arbitrary()?) }
    }

    fn number(&mut self) -> Result<u64, Spent> {
        Ok(match self.byte()? {
            way @ 0..=127 => u64::from(way & 7),
            128..=223 => *self.from.choose(&self.pool.numbers)?,
            224..=239 => self.from.choose(&self.pool.numbers)?.wrapping_add(1),
            _ => self.from.arbitrary()?,
        })
    }

    fn short(&mut self) -> Result<u64, Spent> {
        Ok(match self.byte()? {
            way @ 0..=159 => u64::from(way & 15),
            _ => self.from.arbitrary()?,
        })
    }

    fn text(&mut self) -> Result<String, Spent> {
        Ok(match self.byte()? {
            0..=199 => self.from.choose(&self.pool.texts)?.clone(),
            _ => self.from.arbitrary::<&str>()?.to_owned(),
        })
    }

    fn blob(&mut self) -> Result<Vec<u8>, Spent> {
        Ok(match self.byte()? {
            0..=191 => self.from.choose(&self.pool.blobs)?.to_vec(),
            192..=223 => {
                let mut bytes = self.from.choose(&self.pool.blobs)?.to_vec();
                let at = self.from.choose_index(bytes.len().max(1))?;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (self.byte()? & 7);
                }
                bytes
            }
            _ => self.from.arbitrary::<&[u8]>()?.to_vec(),
        })
    }

    /// The bytes of a record whose visitor is `visitor`: serde does not say which, its name does.
    fn record(&mut self, visitor: &str) -> Result<Option<Vec<u8>>, Spent> {
        fn bytes<T: Serialize + DeserializeOwned>(value: T) -> Vec<u8> {
            Record::from(value).encode().to_vec()
        }
        let (from, pool) = (&mut *self.from, self.pool);
        let is = |name: &str| visitor.contains(name);
        let made = if is("contact::Contact") {
            any::<Contact>(from, pool).map(bytes)
        } else if is("presence::Presence") {
            any::<Presence>(from, pool).map(bytes)
        } else if is("presence::Profile") {
            any::<Profile>(from, pool).map(bytes)
        } else if is("conversation::InboxItem") {
            any::<InboxItem>(from, pool).map(bytes)
        } else if is("entry::Entry") {
            any::<Entry>(from, pool).map(bytes)
        } else {
            return Ok(None);
        };
        made.map(Some).ok_or(Spent)
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $ty:ty = $draw:ident;)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Spent> {
            visitor.$visit(self.$draw()? as $ty)
        }
    )* };
}

impl<'de> de::Deserializer<'de> for &mut Source<'_, '_> {
    type Error = Spent;

    numbers! {
        deserialize_u8 visit_u8 u8 = short;
        deserialize_u16 visit_u16 u16 = short;
        deserialize_u32 visit_u32 u32 = number;
        deserialize_u64 visit_u64 u64 = number;
        deserialize_i8 visit_i8 i8 = short;
        deserialize_i16 visit_i16 i16 = short;
        deserialize_i32 visit_i32 i32 = number;
        deserialize_i64 visit_i64 i64 = number;
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Spent> {
        Err(Spent)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Spent> {
        visitor.visit_bool(self.byte()? & 1 == 1)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Spent> {
        visitor.visit_char(self.from.arbitrary()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Spent> {
        visitor.visit_str(&self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Spent> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Spent> {
        let bytes = match self.record(std::any::type_name::<V>())? {
            Some(bytes) => bytes,
            None => self.blob()?,
        };
        visitor.visit_bytes(&bytes)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Spent> {
        visitor.visit_byte_buf(self.blob()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Spent> {
        if self.byte()? & 3 == 0 { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Spent> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Spent> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Spent> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Spent> {
        let left = match self.byte()? {
            // A list at its bound, now and then.
            255 => 257,
            way => usize::from(way % ITEMS_MAX),
        };
        visitor.visit_seq(Parts { source: self, left })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, Spent> {
        if left == 16 && self.byte()? < 240 {
            let id = *self.from.choose(&self.pool.ids)?;
            return visitor.visit_seq(de::value::SeqDeserializer::new(id.into_iter()));
        }
        if left == 8 {
            let tag = self.number()?.to_le_bytes();
            return visitor.visit_seq(de::value::SeqDeserializer::new(tag.into_iter()));
        }
        visitor.visit_seq(Parts { source: self, left })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, Spent> {
        visitor.visit_seq(Parts { source: self, left })
    }

    fn deserialize_map<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Spent> {
        Err(Spent)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Spent> {
        visitor.visit_seq(Parts { source: self, left: fields.len() })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Spent> {
        let at = usize::from(self.byte()?) % variants.len().max(1);
        let variant = u32::try_from(at).map_err(|_| Spent)?;
        visitor.visit_enum(Variant { source: self, variant })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Spent> {
        Err(Spent)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Spent> {
        visitor.visit_unit()
    }

    fn deserialize_f32<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Spent> {
        Err(Spent)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Spent> {
        Err(Spent)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

struct Parts<'s, 'a, 'b> {
    source: &'s mut Source<'a, 'b>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Parts<'_, '_, '_> {
    type Error = Spent;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Spent> {
        if self.left == 0 || self.source.depth >= DEPTH_MAX {
            return Ok(None);
        }
        self.left -= 1;
        self.source.depth += 1;
        let value = seed.deserialize(&mut *self.source);
        self.source.depth -= 1;
        value.map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

struct Variant<'s, 'a, 'b> {
    source: &'s mut Source<'a, 'b>,
    variant: u32,
}

impl<'de, 's, 'a, 'b> EnumAccess<'de> for Variant<'s, 'a, 'b> {
    type Error = Spent;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Spent> {
        let number: U32Deserializer<Spent> = self.variant.into_deserializer();
        Ok((seed.deserialize(number)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, '_, '_> {
    type Error = Spent;

    fn unit_variant(self) -> Result<(), Spent> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Spent> {
        seed.deserialize(self.source)
    }

    fn tuple_variant<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value, Spent> {
        visitor.visit_seq(Parts { source: self.source, left })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Spent> {
        visitor.visit_seq(Parts { source: self.source, left: fields.len() })
    }
}

#[cfg(test)]
#[path = "value_test.rs"]
mod tests;
