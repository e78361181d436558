{{- define "socialflow.name" -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- end }}

{{- define "socialflow.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end }}

{{- define "socialflow.selector" -}}
app.kubernetes.io/name: socialflow
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- if .role }}
app.kubernetes.io/component: {{ .role }}
{{- end }}
{{- end }}

{{- define "socialflow.labels" -}}
{{ include "socialflow.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* Refused rather than guessed. */}}
{{- define "socialflow.required" -}}
{{- $_ := required "secret: name the Secret with SOCIALFLOW_DATABASE_URL and the like" .Values.secret }}
{{- $_ := required "publicUrl: the address that people use, as https://live.example" .Values.publicUrl }}
{{- $_ := required "objectStore: s3://bucket[/prefix]" .Values.objectStore }}
{{- end }}

{{/* What all processes are told. */}}
{{- define "socialflow.environment" -}}
{{- include "socialflow.required" .root }}
{{- $v := .root.Values }}
- { name: SOCIALFLOW_CLUSTER_NAME, value: {{ include "socialflow.name" .root | quote }} }
- { name: SOCIALFLOW_PUBLIC_URL, value: {{ $v.publicUrl | quote }} }
- { name: SOCIALFLOW_OBJECT_STORE, value: {{ $v.objectStore | quote }} }
- { name: SOCIALFLOW_DRAIN_S, value: {{ $v.drainSeconds | quote }} }
- { name: SOCIALFLOW_MIGRATE, value: "false" }
- { name: TMPDIR, value: /data }
{{- range $name, $value := $v.settings }}
- { name: {{ printf "SOCIALFLOW_%s" (upper $name) | quote }}, value: {{ $value | toString | quote }} }
{{- end }}
{{- range $name, $value := $v.environment }}
- { name: {{ $name | quote }}, value: {{ $value | toString | quote }} }
{{- end }}
{{- end }}

{{- define "socialflow.container-security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* What every pod has, whatever it runs. */}}
{{- define "socialflow.pod" -}}
{{- $v := .root.Values }}
serviceAccountName: {{ include "socialflow.name" .root }}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
{{- with $v.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Where pods of one role go: apart from each other, as well as can be. */}}
{{- define "socialflow.placement" -}}
{{- $role := index .root.Values .role }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "socialflow.selector" $ | nindent 8 }}
  {{- end }}
{{- with $role.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $role.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
