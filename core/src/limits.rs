//! Every bound of the system, with its unit and its reason (PROTOCOL §10).
//!
//! Reaching one is a named outcome with a test.

/// A frame, header's length field excluded: what one read buffer of a link must hold.
pub const FRAME_BYTES_MAX: usize = 65_536;
/// A ticket as it travels: sealed claims, a name and a tag fit with room to grow.
pub const TICKET_BYTES_MAX: usize = 512;
/// An account name, in characters of `a-z 0-9 . _ -`: it is a key part and a column.
pub const NAME_CHARS_MAX: usize = 64;
/// A display name or personal message, in Unicode scalar values: one line of a list.
pub const PROFILE_CHARS_MAX: usize = 128;
/// The same in UTF-8 bytes: four to a scalar value.
pub const PROFILE_BYTES_MAX: usize = PROFILE_CHARS_MAX * 4;
/// A password, in bytes: hashing cost must not grow with it.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// The text that goes with an invitation, in characters.
pub const INVITE_CHARS_MAX: usize = 128;
/// The same in UTF-8 bytes.
pub const INVITE_BYTES_MAX: usize = INVITE_CHARS_MAX * 4;
/// Message text, in UTF-8 bytes.
pub const TEXT_BYTES_MAX: usize = 8_192;
/// Contacts of one person, invitations in and out included.
pub const CONTACTS_MAX: usize = 1_000;
/// Conversations of one person in one inbox.
pub const CONVERSATIONS_MAX: usize = 2_000;
/// Members of one conversation.
pub const MEMBERS_MAX: usize = 256;
/// Signed-in devices of one person.
pub const ENDPOINTS_MAX: usize = 16;
/// Items of any list in one frame; longer answers come as several frames.
pub const LIST_ITEMS_MAX: usize = 256;
/// Channels of one link: book, inbox, cs and one per conversation that is open.
pub const CHANNELS_MAX: usize = 128;
/// Bytes of frames that one page of a history or sync answer may hold.
pub const PAGE_BYTES_MAX: usize = 48 * 1024;
/// Entries of one page.
pub const PAGE_ENTRIES_MAX: usize = 200;

/// Bytes handed to the host for one link beyond what it reported sent.
pub const LINK_IN_FLIGHT_BYTES_MAX: usize = 65_536;
/// Queued bytes of one link over which presence and typing are held as last values.
pub const LINK_SOFT_BYTES_MAX: usize = 128 * 1024;
/// Queued bytes of one link over which it is closed as a slow consumer.
pub const LINK_HARD_BYTES_MAX: usize = 1024 * 1024;
/// Bytes a link may send before it has attached with a ticket or signed in.
pub const LINK_PRE_AUTH_BYTES_MAX: usize = 16 * 1024;
/// What a gate keeps of a link that has not signed in, bytes: what it said, and answers that are hardly twice
/// as long.
pub const STRANGER_BYTES_MAX: usize = 4 * LINK_PRE_AUTH_BYTES_MAX;
/// What a gate keeps of one that has, bytes: what waits for it, what its host holds, and a frame to come.
pub const SESSION_BYTES_MAX: usize =
    LINK_HARD_BYTES_MAX + LINK_IN_FLIGHT_BYTES_MAX + 2 * FRAME_BYTES_MAX;
/// Time a link may take from opening to its first accepted attach.
pub const LINK_PRE_AUTH_MS: u64 = 10_000;
/// Links of one node.
pub const LINKS_MAX: usize = 100_000;
/// Links of one node that have not signed in yet.
pub const LINKS_PRE_AUTH_MAX: usize = 4_096;

/// A client says something at least this often.
pub const KEEPALIVE_MS: u64 = 45_000;
/// The shortest keepalive a client may wish: a ping a second costs more than it tells.
pub const KEEPALIVE_MS_MIN: u64 = 1_000;
/// Silence beyond the keepalive before a link counts as dead.
pub const KEEPALIVE_GRACE_MS: u64 = 15_000;
/// A client's wait for any answer to what it said before it calls the link dead.
pub const ANSWER_MS: u64 = 15_000;
/// How long a person whose link was lost still shows as before.
pub const LINGER_MS: u64 = 20_000;
/// A person's presence goes out at most this often.
pub const PRESENCE_COALESCE_MS: u64 = 200;
/// A typing notice goes out at most this often.
pub const TYPING_INTERVAL_MS: u64 = 4_000;
/// A typing notice lapses.
pub const TYPING_EXPIRES_MS: u64 = 6_000;
/// First wait before a client dials again; doubled each time, with full jitter.
pub const RECONNECT_FIRST_MS: u64 = 250;
/// Longest wait before a client dials again.
pub const RECONNECT_LAST_MS: u64 = 5_000;
/// A mixer's seat, from its giving to its attach.
pub const SEAT_MS: u64 = 120_000;
/// Seats given and not yet taken, per node.
pub const SEATS_MAX: usize = 100_000;
/// A leg that neither says nor hears anything is let go; the client joins again when needed.
pub const LEG_IDLE_MS: u64 = 300_000;
/// A ticket for book, inbox or cs.
pub const TICKET_MS: u64 = 600_000;
/// How far the wall clock of a node may be off: a guest without time service drifts and jumps so far.
pub const WALL_SKEW_MS: u64 = 600_000;
/// Forgiven when one node judges an instant that another's wall clock named: one is late by the
/// skew, the other early by it, and a reading may be a minute old.
pub const WALL_LEEWAY_MS: u64 = 2 * WALL_SKEW_MS + 60_000;
/// A refresh token.
pub const REFRESH_MS: u64 = 30 * 86_400_000;
/// Answer to a request between machines; past it the asker's client is told to try again.
pub const TELL_MS: u64 = 5_000;
/// Password hashes asked for and not yet answered, per node: each takes a core for 57 ms.
pub const HASHES_MAX: usize = 64;
/// Requests of account that wait for store or hash, per node: a storm of sign-ins is told to wait.
pub const ACCOUNT_PENDING_MAX: usize = 16_384;
/// Failed sign-ins of one name from one address in a burst, and so per minute.
pub const SIGN_IN_FAILURES_BURST: u32 = 5;
/// A failed sign-in is forgiven after this long: five a minute.
pub const SIGN_IN_FAILURE_MS: u64 = 12_000;
/// Cells of each of the two tables of failed sign-ins: names and addresses share one by a keyed hash.
pub const SIGN_IN_CELLS: usize = 4_096;
/// Sign-in rows of one name; the oldest gives way. Devices that never sign out leave rows behind.
pub const SIGN_INS_MAX: usize = 64;
/// A PHC string given by an operator, in bytes.
pub const PHC_BYTES_MAX: usize = 512;
/// Attempts at one decision whose checks keep failing, before the client is told to try again.
pub const CONFLICTS_MAX: u32 = 8;
/// Requests of one session at a CS that wait for a home or a mixer.
pub const CS_ASKS_MAX: u8 = 64;
/// Sends of one endpoint in one conversation that wait for their ack.
pub const SENDS_UNACKED_MAX: usize = 64;
/// Items a client's outbox holds.
pub const OUTBOX_MAX: usize = 10_000;
/// Counters a client reserves in one durable write.
pub const COUNTER_BLOCK: u64 = 1_024;
/// Appends waiting at one conversation while a batch is being written.
pub const APPENDS_WAITING_MAX: usize = 4_096;
/// Entries of one append batch.
pub const APPEND_BATCH_MAX: usize = 512;
/// Quiet after which the first entry puts a head mark, and how often an inbox row is written.
pub const HEAD_MARK_MS: u64 = 5_000;
/// Delivered and read marks of one member are written at most this often.
pub const MARK_MS: u64 = 5_000;
/// Two invitations of one person come at least this far apart once the burst is used.
pub const INVITE_INTERVAL_MS: u64 = 1_000;
/// Invitations in a burst.
pub const INVITE_BURST: u32 = 20;

/// Reliable tells to one peer node that wait for its ack.
pub const TRUNK_WINDOW_MAX: usize = 65_536;
/// State values to one peer node since the last agreed digest.
pub const TRUNK_STATE_MAX: usize = 262_144;
/// A trunk says something at least this often.
pub const TRUNK_HEARTBEAT_MS: u64 = 1_000;
/// First wait before unacked tells are sent again; doubled up to the heartbeat.
pub const TRUNK_RESEND_MS: u64 = 200;
/// One digest of the state class per pair of nodes.
pub const TRUNK_DIGEST_MS: u64 = 2_000;
/// Silence of three digests: the peer counts as lost.
pub const TRUNK_LOST_MS: u64 = 6_000;
/// Rows of one scan page.
pub const SCAN_ROWS_MAX: usize = 500;
/// Events a client keeps for an app that does not take them.
pub const EVENTS_MAX: usize = 10_000;
/// A pause of the whole process beyond this moves deadlines on others' silence.
pub const PAUSE_MS: u64 = 2_000;
/// A draining gate spreads its clients' return over this.
pub const DRAIN_SPREAD_MS: u64 = 5_000;
/// The last frames of a link that its own side closes have this long to go out.
pub const CLOSE_FLUSH_MS: u32 = 500;
/// Longest wait of a graceful stop for links to flush.
pub const DRAIN_FLUSH_MS: u64 = 2_000;
/// Commands a client keeps while it has no connection: an app that asks for more is not listening.
pub const COMMANDS_WAITING_MAX: usize = 1_024;
/// Legs a client holds at once: the channels of a link, less book, inbox, cs, account and room.
pub const LEGS_MAX: usize = CHANNELS_MAX - 16;
/// Legs a client opens at once only to read what it missed: so that its own sends find room.
pub const CATCH_UP_LEGS_MAX: usize = 16;
/// A client says what it has shown of a conversation at most this often.
pub const DELIVERED_MS: u64 = 1_000;
/// A client's wait before it asks its cache the same again, after no clear answer.
pub const CACHE_RETRY_MS: u64 = 100;
/// Shortest wait before a client asks again for what was refused for now.
pub const ASK_AGAIN_MS: u64 = 500;
/// Messages of a history page where the app names no number.
pub const HISTORY_DEFAULT: u16 = 50;
/// Answers a client awaits on a link before it refuses commands: the sends of all its legs and room.
pub const ASKS_MAX: usize = LEGS_MAX * SENDS_UNACKED_MAX + COMMANDS_WAITING_MAX;
/// Last applied intent numbers kept in memory per owner, in pairs of shards; the rows are the truth.
pub const APPLIED_CACHED_MAX: usize = 8_192;
/// Intents of one owner that wait for their targets; over it changes that need one are busy.
pub const INTENTS_WAITING_MAX: usize = 65_536;
/// Last given intent numbers kept in memory per owner where nothing waits; the rows are the truth.
pub const INTENT_LANES_KEPT: usize = 4_096;
/// An intent without an answer is told again after this.
pub const INTENT_RETELL_MS: u64 = 1_000;
/// A store write whose outcome is unknown is written again after this.
pub const REWRITE_MS: u64 = 100;
/// Changes or reads of one person that wait at the home while another is under way.
pub const HOME_WAITING_MAX: usize = 64;
/// Channels of one person to one service of its home: all devices, and those not yet known to be
/// gone. Over it the oldest is detached.
pub const HOME_PORTS_MAX: usize = 64;
/// A home that could not be read is asked again after this.
pub const REREAD_MS: u64 = 200;
/// Changes of one person's profile that wait while one is being written.
pub const SAVES_WAITING_MAX: usize = 8;
/// Seats asked for and closes told that wait at one conversation while it is read or written.
pub const CHANGES_WAITING_MAX: usize = 256;
/// Seats that one endpoint holds in one conversation: the oldest gives way, so that nobody uses up
/// the node's.
pub const SEATS_OF_ENDPOINT_MAX: usize = 4;
/// Legs of one endpoint in one conversation: of links not yet known to be dead. The oldest gives way.
pub const LEGS_OF_ENDPOINT_MAX: usize = 4;
/// Pages one leg may wait for.
pub const READS_MAX: usize = 16;
/// Endpoints whose refused sends a mixer remembers per conversation: as many as two people may have.
pub const REFUSED_ENDPOINTS_MAX: usize = 2 * ENDPOINTS_MAX;
/// A conversation without legs and seats is forgotten by its mixer after this.
pub const CONVERSATION_IDLE_MS: u64 = 60_000;
/// A mixer reads a conversation's tail again at most this often for sends that are ahead of it.
pub const RELOAD_MS: u64 = 100;
/// A member's home is asked for the route at most this often per conversation.
pub const RING_MS: u64 = 5_000;
/// A conversation, or the scan at start, that could not be read is read again after this.
pub const RELOAD_FAILED_MS: u64 = 1_000;
/// Bytes of one file of a node's record, of which a host keeps two: room for some hundred thousand
/// inputs, and little beside the store (PROTOCOL §9.6).
pub const RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Ranges that move by one write: a node's whole share of a small fabric in a few.
pub const PLACES_BATCH_MAX: usize = 64;
/// Moves an operator asked for that wait for the one under way.
pub const MOVES_WAITING_MAX: usize = 64;
/// A node that cannot reach another raises its sign of life this often, and reads the other's.
pub const ALIVE_MS: u64 = 2_000;
/// A node not heard is not doubted before this: a node that starts anew is back within it.
pub const ALIVE_DOUBT_MS: u64 = 1_000;
/// An owner out of reach whose sign of life stood still for this is lost: four raises, less what
/// the two nodes' knowing of each other's silence may differ.
pub const ALIVE_STILL_MS: u64 = 8_000;
/// A range goes back to its seat once the seat's node was up for this: one that keeps dying does not
/// take its ranges with it each time.
pub const SEAT_UP_MS: u64 = 10_000;
/// Ranges go back to seats this far apart, so that only a few people are disturbed at once.
pub const RETURN_MS: u64 = 250;
/// A node that goes away waits this long to hear who else does.
pub const LEAVE_HEAR_MS: u64 = 200;
/// A node that goes away hands its ranges over for at most this long.
pub const LEAVE_MS: u64 = 2_000;
/// Rows of ranges are read again at most this often.
pub const PLACES_READ_MS: u64 = 1_000;
/// A node whose store refused it something reads whether its life is still the last at most this
/// often: ranges that move are a reason too, and one read answers for all that was refused.
pub const LIFE_READ_MS: u64 = 1_000;
