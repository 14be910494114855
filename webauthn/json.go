package webauthn

import "encoding/json"

// A COSEAlgorithm is a COSE algorithm identifier (WebAuthn §5.8.5).
type COSEAlgorithm int64

// The algorithms that Cardea knows.
const (
	ES256 COSEAlgorithm = -7
	EdDSA COSEAlgorithm = -8
	ES384 COSEAlgorithm = -35
	RS256 COSEAlgorithm = -257
)

// PublicKeyType is the only credential type there is (WebAuthn §5.8.2).
const PublicKeyType = "public-key"

// Values of the enumerations of WebAuthn §5.4.4 to §5.4.7 and §5.8.
const (
	Required    = "required"
	Preferred   = "preferred"
	Discouraged = "discouraged"

	AttachmentPlatform      = "platform"
	AttachmentCrossPlatform = "cross-platform"

	TransportUSB       = "usb"
	TransportNFC       = "nfc"
	TransportBLE       = "ble"
	TransportHybrid    = "hybrid"
	TransportInternal  = "internal"
	TransportSmartCard = "smart-card"

	AttestationNone       = "none"
	AttestationIndirect   = "indirect"
	AttestationDirect     = "direct"
	AttestationEnterprise = "enterprise"
)

// RPEntity is PublicKeyCredentialRpEntity (WebAuthn §5.4.2).
type RPEntity struct {
	ID   RPID   `json:"id,omitempty"`
	Name string `json:"name"`
}

// UserEntity is PublicKeyCredentialUserEntityJSON (WebAuthn §5.4.3).
type UserEntity struct {
	ID          UserHandle `json:"id"`
	Name        string     `json:"name"`
	DisplayName string     `json:"displayName"`
}

// CredentialParameters is PublicKeyCredentialParameters (WebAuthn §5.3).
type CredentialParameters struct {
	Type string        `json:"type"`
	Alg  COSEAlgorithm `json:"alg"`
}

// CredentialDescriptor is PublicKeyCredentialDescriptorJSON (WebAuthn §5.8.3).
type CredentialDescriptor struct {
	Type       string       `json:"type"`
	ID         CredentialID `json:"id"`
	Transports []string     `json:"transports,omitempty"`
}

// AuthenticatorSelection is AuthenticatorSelectionCriteria (WebAuthn §5.4.4).
type AuthenticatorSelection struct {
	AuthenticatorAttachment string `json:"authenticatorAttachment,omitempty"`
	ResidentKey             string `json:"residentKey,omitempty"`
	RequireResidentKey      bool   `json:"requireResidentKey,omitempty"`
	UserVerification        string `json:"userVerification,omitempty"`
}

// CreationOptions is PublicKeyCredentialCreationOptionsJSON (WebAuthn §5.4).
type CreationOptions struct {
	RP                     RPEntity                   `json:"rp"`
	User                   UserEntity                 `json:"user"`
	Challenge              Bytes                      `json:"challenge"`
	PubKeyCredParams       []CredentialParameters     `json:"pubKeyCredParams"`
	Timeout                int64                      `json:"timeout,omitempty"` // milliseconds
	ExcludeCredentials     []CredentialDescriptor     `json:"excludeCredentials,omitempty"`
	AuthenticatorSelection *AuthenticatorSelection    `json:"authenticatorSelection,omitempty"`
	Hints                  []string                   `json:"hints,omitempty"`
	Attestation            string                     `json:"attestation,omitempty"`
	AttestationFormats     []string                   `json:"attestationFormats,omitempty"`
	Extensions             map[string]json.RawMessage `json:"extensions,omitempty"`
}

// RequestOptions is PublicKeyCredentialRequestOptionsJSON (WebAuthn §5.5).
type RequestOptions struct {
	Challenge        Bytes                      `json:"challenge"`
	Timeout          int64                      `json:"timeout,omitempty"` // milliseconds
	RPID             RPID                       `json:"rpId,omitempty"`
	AllowCredentials []CredentialDescriptor     `json:"allowCredentials,omitempty"`
	UserVerification string                     `json:"userVerification,omitempty"`
	Hints            []string                   `json:"hints,omitempty"`
	Extensions       map[string]json.RawMessage `json:"extensions,omitempty"`
}

// RegistrationResponse is RegistrationResponseJSON (WebAuthn §5.1.8).
type RegistrationResponse struct {
	ID                      string                     `json:"id"` // base64url of RawID
	RawID                   CredentialID               `json:"rawId"`
	Type                    string                     `json:"type"`
	AuthenticatorAttachment string                     `json:"authenticatorAttachment,omitempty"`
	Response                AttestationResponse        `json:"response"`
	ClientExtensionResults  map[string]json.RawMessage `json:"clientExtensionResults"`
}

// AttestationResponse is AuthenticatorAttestationResponseJSON.
type AttestationResponse struct {
	ClientDataJSON     Bytes         `json:"clientDataJSON"`
	AuthenticatorData  Bytes         `json:"authenticatorData"`
	Transports         []string      `json:"transports"`
	PublicKey          Bytes         `json:"publicKey,omitempty"` // SubjectPublicKeyInfo, DER
	PublicKeyAlgorithm COSEAlgorithm `json:"publicKeyAlgorithm"`
	AttestationObject  Bytes         `json:"attestationObject"`
}

// AuthenticationResponse is AuthenticationResponseJSON (WebAuthn §5.1.8).
type AuthenticationResponse struct {
	ID                      string                     `json:"id"` // base64url of RawID
	RawID                   CredentialID               `json:"rawId"`
	Type                    string                     `json:"type"`
	AuthenticatorAttachment string                     `json:"authenticatorAttachment,omitempty"`
	Response                AssertionResponse          `json:"response"`
	ClientExtensionResults  map[string]json.RawMessage `json:"clientExtensionResults"`
}

// AssertionResponse is AuthenticatorAssertionResponseJSON.
type AssertionResponse struct {
	ClientDataJSON    Bytes `json:"clientDataJSON"`
	AuthenticatorData Bytes `json:"authenticatorData"`
	Signature         Bytes `json:"signature"`
	// UserHandle is absent, not null, when the authenticator gave none.
	UserHandle UserHandle `json:"userHandle,omitempty"`
}
