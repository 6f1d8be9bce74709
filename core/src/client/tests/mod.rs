//! Tests of the client against a server made by hand.
