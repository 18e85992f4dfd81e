package wizard

import (
	"errors"
	"fmt"
	"regexp"
)

// Errors of what an admin enters.
var (
	ErrTenant   = errors.New("the tenant is a GUID or a domain of it, like contoso.onmicrosoft.com")
	ErrGUID     = errors.New("not a GUID like 11111111-2222-3333-4444-555555555555")
	ErrClientID = fmt.Errorf("client id: %w", ErrGUID)
	ErrObjectID = fmt.Errorf("object id: %w", ErrGUID)
	ErrSameID   = errors.New("the object id is the same as the client id: it is the object id of the enterprise application")
)

// IsGUID tells the form of ids in Entra.
func IsGUID(s string) bool {
	return regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`).MatchString(s)
}

// Validate says what is wrong with the tenant as entered.
func (t Tenant) Validate() error {
	domain := regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`)
	if !IsGUID(t.ID) && !domain.MatchString(t.ID) {
		return fmt.Errorf("tenant: %w", ErrTenant)
	}
	return nil
}

// Validate says everything that is wrong with the registration as entered. It
// quotes nothing: a secret may have been typed in the wrong place.
func (r Registration) Validate() error {
	var errs []error
	if !IsGUID(r.ClientID) {
		errs = append(errs, ErrClientID)
	}
	if !IsGUID(r.ObjectID) {
		errs = append(errs, ErrObjectID)
	}
	if r.ClientID != "" && r.ClientID == r.ObjectID {
		errs = append(errs, ErrSameID)
	}
	return errors.Join(errs...)
}
