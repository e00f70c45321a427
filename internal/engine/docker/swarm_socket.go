package docker

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"

	"maillab/internal/certificate"
	"maillab/internal/engine"
)

// An instance's gateways know one another, and the controller, by the certificates of a mesh. The gateways' are Swarm secrets; the
// whole set is the contents of the socket's record, which only managers can read, and whoever can ask a manager can do
// anything to the instance as it is: so no file of the controller's is ever needed to reach it.

// meshKeys are those certificates.
type meshKeys struct {
	api     *client.Client
	records records
	now     func() time.Time
}

// set are the certificates in force, and what their names end in: those of the socket's record, until they were renewed.
func (k meshKeys) set(ctx context.Context, instance string) (set certificate.Set, suffix string, err error) {
	record, _, err := k.api.ConfigInspectWithRaw(ctx, socketName(instance))
	if err != nil {
		return set, "", err
	}
	suffix = record.Spec.Labels[labelSecrets]
	text := record.Spec.Data
	switch renewed, _, err := k.api.ConfigInspectWithRaw(ctx, secretName(instance, renewedMesh, suffix)); {
	case err == nil:
		text = renewed.Spec.Data
	case !errdefs.IsNotFound(err):
		return set, "", err
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return set, "", fmt.Errorf("the mesh's certificates: %w", err)
	}
	return set, suffix, nil
}

// controller is what the controller shows any gateway.
func (k meshKeys) controller(ctx context.Context, instance string) (certificate.Credentials, error) {
	set, _, err := k.set(ctx, instance)
	return set.Credentials(certificate.ControllerRole), err
}

// labelSecrets has, on the record, the name that the secrets of its certificates end in; labelTaskImage what services are
// made from.
const (
	labelSecrets   = "maillab.secrets"
	labelTaskImage = "maillab.task-image"
)

// issue makes the certificates, then the record that says which they are.
func (k meshKeys) issue(ctx context.Context, r engine.Resource) error {
	if found, _, err := k.api.ConfigInspectWithRaw(ctx, nameOf(r)); err == nil {
		return ours(r, found.Spec.Labels)
	}
	set, err := certificate.Set{}.RenewedMesh(r.Instance, k.now())
	if err != nil {
		return err
	}
	suffix, data, err := k.hand(ctx, r.Instance, set)
	if err != nil {
		return err
	}
	labels := map[string]string{labelSecrets: suffix}
	for k, v := range r.Labels {
		labels[k] = v
	}
	r.Labels = labels
	return k.records.put(ctx, r, data)
}

// hand makes secrets for gateways of a set, and tells what their names end in, and the set as it is kept.
func (k meshKeys) hand(ctx context.Context, instance string, set certificate.Set) (suffix string, data []byte, err error) {
	shown := set.Credentials(certificate.GatewayRole)
	suffix = strings.ToLower(rand.Text()[:8])
	for name, text := range map[string][]byte{certificate.MeshAuthority: shown.CA, certificate.MeshCertificate: shown.Certificate, certificate.MeshKey: shown.Key} {
		_, err := k.api.SecretCreate(ctx, swarm.SecretSpec{Data: text, Annotations: swarm.Annotations{
			Name: secretName(instance, name, suffix), Labels: map[string]string{engine.LabelInstance: instance},
		}})
		if err != nil {
			return "", nil, err
		}
	}
	data, err = json.Marshal(set)
	return suffix, data, err
}

func secretName(instance, name, suffix string) string {
	return fmt.Sprintf("maillab-%s-%s-%s", instance, name, suffix)
}

// note keeps with the socket's record what image the instance's services are made from, and says where its gateways
// find their certificates.
func (k meshKeys) note(ctx context.Context, instance, image string) (refs []*swarm.SecretReference, err error) {
	r := engine.Resource{Kind: engine.Socket, Instance: instance}
	suffix := ""
	err = k.records.edit(ctx, nameOf(r), func(labels map[string]string) bool {
		suffix = labels[labelSecrets]
		was := labels[labelTaskImage]
		labels[labelTaskImage] = image
		return was != image
	})
	if err != nil {
		return nil, err
	}
	return k.refs(ctx, instance, suffix)
}

// refs are the secrets whose names end so, as a service has them.
func (k meshKeys) refs(ctx context.Context, instance, suffix string) (refs []*swarm.SecretReference, err error) {
	secrets, err := k.api.SecretList(ctx, swarm.SecretListOptions{Filters: labelled(engine.LabelInstance, instance)})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{certificate.MeshAuthority, certificate.MeshCertificate, certificate.MeshKey} {
		wanted := secretName(instance, name, suffix)
		i := slices.IndexFunc(secrets, func(found swarm.Secret) bool { return found.Spec.Name == wanted })
		if i < 0 {
			return nil, fmt.Errorf("%w: secret %s", engine.ErrNotFound, wanted)
		}
		refs = append(refs, &swarm.SecretReference{SecretID: secrets[i].ID, SecretName: wanted, File: &swarm.SecretReferenceFileTarget{
			Name: name, UID: fmt.Sprint(gatewayUID), GID: fmt.Sprint(gatewayUID), Mode: os.FileMode(0o400),
		}})
	}
	return refs, nil
}

// remove takes away an instance's secrets, and what is kept of renewed ones, but those whose names end in what stays; "" is none.
func (k meshKeys) remove(ctx context.Context, instance, stays string) error {
	kept := func(name string) bool { return stays != "" && strings.HasSuffix(name, "-"+stays) }
	secrets, err := k.api.SecretList(ctx, swarm.SecretListOptions{Filters: labelled(engine.LabelInstance, instance)})
	if err != nil {
		return err
	}
	for _, secret := range secrets {
		if !kept(secret.Spec.Name) {
			err = errors.Join(err, k.api.SecretRemove(ctx, secret.ID))
		}
	}
	sets, failed := k.api.ConfigList(ctx, swarm.ConfigListOptions{Filters: labelled(labelMeshOf, instance)})
	for _, c := range sets {
		if !kept(c.Spec.Name) {
			err = errors.Join(err, k.api.ConfigRemove(ctx, c.ID))
		}
	}
	return errors.Join(err, failed)
}
