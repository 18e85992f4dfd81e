package capture

// The oddities that a session can show. The ids are stable; what each means
// for the migration is said in the locales under "quirk.<id>".
const (
	quirkBareLF              = "bare_lf"
	quirkLoneCR              = "lone_cr"
	quirkBareEnd             = "bare_end_of_data"
	quirkNUL                 = "nul_bytes"
	quirkEightBit            = "eight_bit_undeclared"
	quirkLongLine            = "long_lines"
	quirkLowerCase           = "lower_case_commands"
	quirkAuthEquals          = "auth_equals"
	quirkHeloOnly            = "helo_only"
	quirkHelloEmpty          = "hello_empty"
	quirkHelloBare           = "hello_bare_name"
	quirkHelloLiteral        = "hello_address_literal"
	quirkHelloRepeated       = "hello_repeated"
	quirkMailBeforeHello     = "mail_before_hello"
	quirkAuthBeforeHello     = "auth_before_hello"
	quirkSpaceBeforeColon    = "space_before_colon"
	quirkSpaceAfterColon     = "space_after_colon"
	quirkDisplayName         = "display_name_in_path"
	quirkNoBrackets          = "no_angle_brackets"
	quirkNoDomain            = "address_without_domain"
	quirkUnknownParameter    = "unknown_mail_parameter"
	quirkPipelining          = "pipelining_not_offered"
	quirkEarlyTalker         = "early_talker"
	quirkBDAT                = "bdat"
	quirkSeveralMessages     = "several_messages"
	quirkUnknownCommand      = "unknown_command"
	quirkNoQuit              = "no_quit"
	quirkDroppedMidway       = "dropped_midway"
	quirkImplicitOnPlainPort = "implicit_tls_on_plain_port"
	quirkTLSAfterBanner      = "tls_after_greeting"
	quirkPlainOnTLSPort      = "plain_on_tls_port"
	quirkSTARTTLSOnTLSPort   = "starttls_on_tls_port"
	quirkHelloPipelined      = "client_hello_pipelined"
	quirkPlainAfterSTARTTLS  = "plain_after_starttls"
	quirkUnofferedSTARTTLS   = "starttls_not_offered"
	quirkSSLv2Hello          = "sslv2_hello"
	quirkLoginInline         = "login_account_inline"
	quirkUnpadded            = "base64_unpadded"
	quirkNotBase64           = "not_base64"
	quirkPlainInLogin        = "plain_in_login"
	quirkPasswordInline      = "login_password_inline"
	quirkLoginSwapped        = "login_swapped"
	quirkAccountAndMore      = "account_and_more"
	quirkEmptyPassword       = "empty_password"
	quirkAuthorization       = "other_authorization_identity"
	quirkCleartextPassword   = "password_in_clear"
	quirkUnofferedMechanism  = "mechanism_not_offered"
	quirkTriesOthers         = "tries_other_mechanisms"
	quirkSendsAfterRefusal   = "sends_after_refused_sign_in"
	quirkAuthNotWaiting      = "sign_in_not_waiting"
	quirkTokenInline         = "token_on_auth_line"
	quirkPasswordAsToken     = "password_as_token"
	quirkPOPBeforeSMTP       = "pop_before_smtp"
	quirkPublicPeer          = "public_peer"
	quirkKeepFailed          = "keep_failed"
	quirkInternal            = "internal_fault"
	quirkLimitConnections    = "limit_connections"
	quirkLimitPerPeer        = "limit_per_peer"
	quirkLimitLine           = "limit_line"
	quirkLimitMessage        = "limit_message"
	quirkLimitDisk           = "limit_disk"
	quirkLimitTime           = "limit_time"
	quirkLimitTranscript     = "limit_transcript"
	quirkLimitMessages       = "limit_messages"
	quirkLimitRecipients     = "limit_recipients"
	quirkLimitUnknown        = "limit_unknown_commands"
	quirkLimitAuth           = "limit_sign_ins"
	quirkLimitSilence        = "limit_silence"
	quirkLimitWaiting        = "limit_waiting"
)

// Quirks lists the id of every oddity that a session can show.
func Quirks() []string {
	return []string{
		quirkBareLF, quirkLoneCR, quirkBareEnd, quirkNUL, quirkEightBit, quirkLongLine, quirkLowerCase,
		quirkAuthEquals, quirkHeloOnly, quirkHelloEmpty, quirkHelloBare, quirkHelloLiteral, quirkHelloRepeated,
		quirkMailBeforeHello, quirkAuthBeforeHello, quirkSpaceBeforeColon, quirkSpaceAfterColon, quirkDisplayName,
		quirkNoBrackets, quirkNoDomain, quirkUnknownParameter, quirkPipelining, quirkEarlyTalker, quirkBDAT,
		quirkSeveralMessages, quirkUnknownCommand, quirkNoQuit, quirkDroppedMidway, quirkImplicitOnPlainPort,
		quirkTLSAfterBanner, quirkPlainOnTLSPort, quirkSTARTTLSOnTLSPort, quirkHelloPipelined,
		quirkPlainAfterSTARTTLS, quirkUnofferedSTARTTLS, quirkSSLv2Hello, quirkLoginInline, quirkUnpadded,
		quirkNotBase64, quirkPlainInLogin, quirkPasswordInline, quirkLoginSwapped, quirkAccountAndMore, quirkInternal,
		quirkEmptyPassword, quirkAuthorization, quirkCleartextPassword, quirkUnofferedMechanism,
		quirkTriesOthers, quirkSendsAfterRefusal, quirkAuthNotWaiting, quirkTokenInline, quirkPasswordAsToken,
		quirkPOPBeforeSMTP, quirkPublicPeer, quirkKeepFailed, quirkLimitConnections, quirkLimitPerPeer, quirkLimitLine,
		quirkLimitMessage, quirkLimitDisk, quirkLimitTime, quirkLimitTranscript, quirkLimitMessages,
		quirkLimitRecipients, quirkLimitUnknown, quirkLimitAuth, quirkLimitSilence, quirkLimitWaiting,
	}
}
